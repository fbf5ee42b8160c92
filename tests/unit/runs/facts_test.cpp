#include "sluice/domain/runs/facts.hpp"

#include "result_assertions.hpp"
#include "runs_stage.hpp"

namespace sluice::test {
namespace {

constexpr auto two = R"(
sluice: 1
pipelines:
  main:
    inputs: {n: {type: integer, default: 3}}
    graph:
      a: {service: test.echo, with: {value: "${inputs.n}"}}
      b: {process: [/bin/sh, -c, "echo 4 > $1", sh, "${out.o}"], outputs: {o: {type: integer}}}
      c: {service: test.broken, after: [a], fails: false}
)";

const Value& task(const Value& facts, std::string_view path) {
  for (const auto& task : *facts.find("tasks")->if_list())
    if (task.text_at("path") == path) return task;
  ADD_FAILURE() << "no facts about " << path;
  static const Value none;
  return none;
}

TEST(Facts, RecordTheInputsAndTasksOfARun) {
  RunsStage s;
  s.stage.echo.set_environment("avx512");
  const auto report = s.run(two);
  const auto facts = value_of(runs::JournalFacts(s.runs).facts(report.created.run));
  EXPECT_EQ(facts.text_at("plan_name"), "plan.yaml");
  EXPECT_EQ(facts.text_at("plan_digest"), report.created.plan_digest.hex());
  EXPECT_EQ(to_json(*facts.find("inputs")), R"({"n":3})");
  EXPECT_EQ(facts.find("tasks")->if_list()->size(), 2U) << "only those that succeeded";
  const auto& a = task(facts, "a");
  EXPECT_EQ(a.text_at("kind"), "service");
  EXPECT_EQ(a.text_at("service"), "test.echo");
  EXPECT_EQ(a.text_at("environment"), "avx512");
  EXPECT_EQ(to_json(*a.find("inputs")), R"({"value":3})");
  EXPECT_EQ(to_json(*a.find("outputs")), R"({"value":3})");
  EXPECT_FALSE(a.text_at("started").empty());
  EXPECT_EQ(a.find("cached_from"), nullptr);
  const auto& b = task(facts, "b");
  EXPECT_EQ(b.text_at("kind"), "process");
  EXPECT_EQ(b.find("inputs")->find("argv")->if_list()->front(), Value("/bin/sh"));
  EXPECT_EQ(b.find("environment")->text_at("digest").size(), 64U);
}

TEST(Facts, OfACachedTaskNameItsOriginAndItsEnvironment) {
  RunsStage s;
  s.stage.echo.set_environment("avx512");
  const auto first = s.run(two);
  const auto second = s.run(two);
  const auto facts = value_of(runs::JournalFacts(s.runs).facts(second.created.run));
  const auto& a = task(facts, "a");
  EXPECT_EQ(a.find("cached_from")->text_at("run"), first.created.run.text);
  EXPECT_EQ(a.find("cached_from")->text_at("path"), "a");
  EXPECT_EQ(a.text_at("environment"), "avx512");
}

TEST(Facts, OfAnUnknownRunAreAnError) {
  RunsStage s;
  EXPECT_EQ(runs::JournalFacts(s.runs).facts({"nobody"}).error().code, Code::not_found);
}

}  // namespace
}  // namespace sluice::test
