#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "result_assertions.hpp"
#include "sluice/domain/runs/runs.hpp"
#include "sluice/frontends/native/native_frontend.hpp"

namespace sluice::runs {
namespace {

const frontends::NativeFrontend native;

Dialects dialects() {
  return {.frontends = {&native},
          .services = {{.name = "image.embed", .version = "1.0.0", .inputs = {}, .outputs = {}}}};
}

std::string problem(const std::string& text) {
  return test::message_of(compile(text, "plan.yaml", dialects()));
}

std::shared_ptr<const ir::Plan> plan_of(const std::string& text) {
  return test::value_of(compile(text, "plan.yaml", dialects()));
}

TEST(Compiling, RefusesATextThatIsNoPlan) {
  EXPECT_EQ(problem("hello: world\n"),
            "plan.yaml: this is no pipeline that is known here; a Sluice plan begins with `sluice: 1`");
  EXPECT_EQ(problem(""),
            "plan.yaml: this is no pipeline that is known here; a Sluice plan begins with `sluice: 1`");
}

TEST(Compiling, TellsEveryProblemOnALineOfItsOwnInTheOrderOfTheText) {
  EXPECT_EQ(problem(R"(sluice: 1
pipelines:
  main:
    graph:
      a: {process: [run], after: [tidyy]}
      b: {service: image.embd}
      tidy: {process: [run], colour: blue}
)"),
            "plan.yaml:5:35: unknown task `tidyy`; did you mean `tidy`?\n"
            "plan.yaml:6:7: unknown service `image.embd`; did you mean `image.embed`?\n"
            "plan.yaml:7:30: `process` has no `colour`");
}

TEST(Compiling, SaysWhereTheTextIsNoYaml) {
  EXPECT_THAT(problem("sluice: 1\npipelines: [\n"), testing::StartsWith("plan.yaml:"));
}

TEST(Compiling, FindsEachCodeFolderOnceHoweverDeep) {
  const auto plan = plan_of(R"(
sluice: 1
pipelines:
  main:
    graph:
      a: {process: [run], code: src}
      b: {process: [run], code: src}
      c: {each: "${range(2)}", as: i, graph: {d: {process: [run], code: inner}}}
      e: {call: other}
  other:
    graph:
      f: {branch: [{when: "${1 < 2}", graph: {g: {process: [run], code: .}}}]}
)");
  EXPECT_THAT(code_folders(*plan), testing::UnorderedElementsAre("src", "inner", "."));
}

TEST(Compiling, NamesThePipelinesThatThereAre) {
  const auto plan = plan_of("sluice: 1\npipelines:\n  main: {graph: {}}\n  train: {graph: {}}\n");
  EXPECT_EQ(find_pipeline(*plan, "train").value()->name, "train");
  EXPECT_EQ(find_pipeline(*plan, "trian").error().message,
            "plan.yaml: there is no pipeline `trian`; did you mean `train`?");
  EXPECT_EQ(find_pipeline(*plan, "evaluate").error().message,
            "plan.yaml: there is no pipeline `evaluate`; it has `main`, `train`");
}

TEST(StoredPlans, ReadBackTheSame) {
  const auto plan = plan_of("sluice: 1\npipelines:\n  main:\n    graph:\n      a: {process: [run]}\n");
  const auto text = ir::print_plan(*plan);
  const auto again = read_stored_plan(text, dialects());
  ASSERT_OK(again);
  EXPECT_EQ(ir::print_plan(**again), text);
}

TEST(StoredPlans, ThatAreDamagedAreOurFault) {
  for (const auto* text : {"", "hello", "sluice: 1\npipelines: 3\n",
                           "sluice: 1\npipelines:\n  main: {graph: {a: {process: 3}}}\n"}) {
    const auto plan = read_stored_plan(text, dialects());
    ASSERT_FALSE(plan) << text;
    EXPECT_EQ(plan.error().code, Code::data_loss) << plan.error().message;
    EXPECT_EQ(plan.error().blame, Blame::sluice);
  }
}

}  // namespace
}  // namespace sluice::runs
