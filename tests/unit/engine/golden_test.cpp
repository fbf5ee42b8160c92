// Every case of tests/golden/engine: a plan, how its tasks end, and the events that follow. Each is run again
// with a crash after every decision, and must end the same, which is what the reference of the simulation
// says.
#include <gtest/gtest.h>

#include "../../golden_case.hpp"
#include "../../sim/reference.hpp"
#include "result_assertions.hpp"
#include "scripted_run.hpp"
#include "sluice/base/json.hpp"
#include "sluice/ir/parse.hpp"
#include "sluice/ir/verify.hpp"

namespace sluice::test {
namespace {

struct Prepared {
  std::shared_ptr<const ir::Plan> plan;
  Struct inputs;
  Script script;
};

Prepared prepare(const GoldenCase& golden) {
  auto lowered = ir::parse_plan(golden.section("input"), "case.yaml");
  EXPECT_OK(lowered);
  EXPECT_TRUE(lowered->problems.empty()) << syntax::render("case.yaml", lowered->problems);
  auto plan = std::make_shared<const ir::Plan>(std::move(lowered->plan));
  const auto script_text = golden.section("script");
  auto script = parse_json(script_text.empty() ? "{}" : script_text, "script");
  EXPECT_OK(script);
  auto inputs = ir::bind_inputs(*plan->find("main"), {}, false);
  EXPECT_OK(inputs);
  return {.plan = std::move(plan), .inputs = std::move(*inputs), .script = std::move(*script)};
}

/// An event in readable form, without the fields that vary.
std::string line_of(const std::string& encoded) {
  const auto json = parse_json(encoded, "event");
  std::string line = json->text_at("t");
  for (const auto& [key, value] : *json->if_struct()) {
    if (key == "t" || key == "v" || key == "at" || key == "key" || key == "fence") continue;
    line += " " + (value.is_string() ? *value.if_string() : key + "=" + to_json(value));
  }
  return line;
}

std::string lines_of(const ScriptedRun& run) {
  std::string out;
  for (const auto& batch : run.batches())
    for (const auto& event : batch) out += line_of(event) + "\n";
  return out;
}

class EngineGolden : public testing::TestWithParam<std::string> {};

TEST_P(EngineGolden, HasTheseEvents) {
  GoldenCase golden(GetParam());
  auto prepared = prepare(golden);
  ScriptedRun run(prepared.plan, prepared.inputs, prepared.script);
  run.go();
  EXPECT_TRUE(run.run().ended());
  golden.expect("events", lines_of(run));
}

TEST_P(EngineGolden, EndsAsTheReferenceSays) {
  GoldenCase golden(GetParam());
  auto prepared = prepare(golden);
  ScriptedRun run(prepared.plan, prepared.inputs, prepared.script);
  run.go();
  sim::History history;
  sim::Moment moment = 0;
  history.add(moment++, run.created());
  for (const auto& batch : run.batches())
    for (const auto& text : batch) history.add(moment++, *engine::decode(text));
  EXPECT_NO_THROW(sim::Reference(*prepared.plan, history).check());
}

TEST_P(EngineGolden, ReplaysToTheSameState) {
  GoldenCase golden(GetParam());
  auto prepared = prepare(golden);
  ScriptedRun whole(prepared.plan, prepared.inputs, prepared.script);
  whole.go();
  for (std::size_t stop = 1; stop <= whole.batches().size(); ++stop) {
    ScriptedRun live(prepared.plan, prepared.inputs, prepared.script);
    live.go(stop);
    const auto before = live.run().fingerprint();
    live.crash_and_replay(stop);
    EXPECT_EQ(before.hex(), live.run().fingerprint().hex()) << "after decision " << stop;
  }
}

TEST_P(EngineGolden, EndsTheSameAfterACrashAtAnyDecision) {
  GoldenCase golden(GetParam());
  auto prepared = prepare(golden);
  ScriptedRun whole(prepared.plan, prepared.inputs, prepared.script);
  whole.go();
  for (std::size_t crash = 1; crash < whole.batches().size(); ++crash) {
    ScriptedRun run(prepared.plan, prepared.inputs, prepared.script);
    run.go(crash);
    run.crash_and_replay(crash);
    run.go();
    ASSERT_TRUE(run.run().ended()) << "after decision " << crash;
    EXPECT_EQ(run.run().result()->status, whole.run().result()->status) << "after decision " << crash;
    EXPECT_EQ(to_json(run.run().result()->outputs), to_json(whole.run().result()->outputs))
        << "after decision " << crash;
    EXPECT_EQ(run.started(), whole.started()) << "an attempt ran twice, or never, after decision " << crash;
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, EngineGolden, testing::ValuesIn(golden_cases("engine")), golden_name);

}  // namespace
}  // namespace sluice::test
