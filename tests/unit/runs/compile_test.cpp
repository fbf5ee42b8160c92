#include "sluice/domain/runs/compile.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "canonical_frontend.hpp"
#include "result_assertions.hpp"

namespace sluice::runs {
namespace {

const test::CanonicalFrontend canonical;

/// A dialect of one word, the name of the only task.
class WordsFrontend final : public ir::Frontend {
 public:
  [[nodiscard]] std::string_view name() const override { return "words"; }
  [[nodiscard]] bool recognizes(std::string_view text, const std::string&) const override {
    return text.starts_with("words\n");
  }
  [[nodiscard]] Result<Lowered> lower(std::string_view text, const std::string& file,
                                      const ir::LoweringOptions&) const override {
    return ir::parse_plan(
        "sluice: 1\npipelines: {words: {graph: {" + std::string(text.substr(6)) + ": {process: [run]}}}}",
        file);
  }
};

Dialects dialects() {
  return {.frontends = {&canonical},
          .services = {{.name = "image.embed", .version = "1.0.0", .inputs = {}, .outputs = {}}}};
}

std::string problem(const std::string& text) {
  return test::message_of(compile(text, "plan.yaml", dialects()));
}

std::shared_ptr<const ir::Plan> plan_of(const std::string& text) {
  return test::value_of(compile(text, "plan.yaml", dialects()));
}

TEST(Compiling, TheFirstFrontendThatRecognizesTheTextCompilesIt) {
  const WordsFrontend words;
  const Dialects both{.frontends = {&words, &canonical}, .services = {}};
  const auto of_words = compile("words\nfit", "plan.txt", both);
  ASSERT_OK(of_words);
  EXPECT_EQ((*of_words)->pipelines.front().name, "words");
  const auto of_the_other = compile("sluice: 1\npipelines: {main: {graph: {}}}", "plan.yaml", both);
  ASSERT_OK(of_the_other);
  EXPECT_EQ((*of_the_other)->pipelines.front().name, "main");
}

TEST(Compiling, RefusesATextThatNoFrontendRecognizes) {
  const WordsFrontend words;
  for (const auto* text : {"hello: world\n", ""}) {
    const auto plan = compile(text, "plan.yaml", {.frontends = {&words}, .services = {}});
    ASSERT_FALSE(plan);
    EXPECT_EQ(plan.error().message,
              "plan.yaml: unrecognized pipeline format; a Sluice plan has the key `sluice: 1`, a pipeline "
              "that kfp compiled `pipelineInfo`");
  }
}

TEST(Compiling, SaysThatATextIsNotUtf8) {
  using namespace std::string_literals;
  const auto message = [](const std::string& text) {
    const auto plan = compile(text, "plan.yaml", {.frontends = {&canonical}, .services = {}});
    return plan ? "" : plan.error().message;
  };
  for (const auto& text : {"\xff\xfes\0l\0"s, "\xfe\xff\0s\0l"s, "s\0l\0u\0"s, "\0s\0l\0u"s})
    EXPECT_EQ(message(text), "plan.yaml: the text is UTF-16; save it as UTF-8");
  EXPECT_EQ(message("sluice: 1 # \xe9\n"), "plan.yaml: the text is not valid UTF-8; save it as UTF-8");
}

TEST(Compiling, ReportsEachProblemOnItsOwnLineInTextOrder) {
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

TEST(Compiling, SaysWhereTheTextIsNotYaml) {
  EXPECT_THAT(problem("sluice: 1\npipelines: [\n"), testing::StartsWith("plan.yaml:"));
}

TEST(Compiling, FindsEachCodeFolderOnceHoweverDeep) {
  const auto plan = plan_of(R"(
sluice: 1
pipelines:
  main:
    graph:
      a: {process: [run], code: src}
      b: {process: [run, --at, "${1 + 1}", x], code: src}
      c: {each: "${range(2)}", as: i, graph: {d: {process: [run], code: inner}}}
      e: {call: other}
  other:
    graph:
      f: {branch: [{when: "${1 < 2}", graph: {g: {process: [run], code: .}}}]}
)");
  const std::map<std::string, std::vector<std::string>> folders{
      {"src", {"run", "run", "--at", "x"}}, {"inner", {"run"}}, {".", {"run"}}};
  EXPECT_EQ(code_folders(*plan), folders);
}

TEST(Compiling, ListsTheExistingPipelines) {
  const auto plan = plan_of("sluice: 1\npipelines:\n  main: {graph: {}}\n  train: {graph: {}}\n");
  EXPECT_EQ(find_pipeline(*plan, "train").value()->name, "train");
  EXPECT_EQ(find_pipeline(*plan, "trian").error().message,
            "plan.yaml: there is no pipeline `trian`; did you mean `train`?");
  EXPECT_EQ(find_pipeline(*plan, "evaluate").error().message,
            "plan.yaml: there is no pipeline `evaluate`; it has `main`, `train`");
}

TEST(Compiling, WithoutANameTheOnlyPipelineOrMainIsRun) {
  const auto only = plan_of("sluice: 1\npipelines:\n  train: {graph: {}}\n");
  EXPECT_EQ(find_pipeline(*only, "").value()->name, "train");
  const auto with_main = plan_of("sluice: 1\npipelines:\n  train: {graph: {}}\n  main: {graph: {}}\n");
  EXPECT_EQ(find_pipeline(*with_main, "").value()->name, "main");
  const auto without = plan_of("sluice: 1\npipelines:\n  train: {graph: {}}\n  evaluate: {graph: {}}\n");
  EXPECT_EQ(find_pipeline(*without, "").error().message,
            "plan.yaml:3:3: none of the plan's pipelines is called `main`; choose one with --pipeline: "
            "`train`, `evaluate`");
  EXPECT_EQ(find_pipeline(*without, "evaluate").value()->name, "evaluate");
  EXPECT_EQ(find_pipeline(*only, "main").error().message,
            "plan.yaml: there is no pipeline `main`; it has `train`");
}

TEST(Compiling, NamesTwentyPipelinesAndCountsTheRest) {
  std::string text = "sluice: 1\npipelines:\n";
  for (int i = 0; i < 23; ++i) text += "  p" + std::to_string(i) + ": {graph: {}}\n";
  EXPECT_THAT(find_pipeline(*plan_of(text), "").error().message, testing::EndsWith(", `p19` and 3 more"));
}

}  // namespace
}  // namespace sluice::runs
