#include <string>

#include <gtest/gtest.h>

#include "sluice/frontends/kubeflow/kubeflow_frontend.hpp"
#include "sluice/frontends/native/native_frontend.hpp"
#include "sluice/ir/verify.hpp"

namespace sluice::frontends {
namespace {

/// A pipeline of tasks without packages, one of which follows the other.
std::string pipeline_of(int tasks, const std::string& image = "python:3.11") {
  std::string components;
  std::string executors;
  std::string dag;
  for (int i = 0; i < tasks; ++i) {
    const auto n = std::to_string(i);
    components += "  comp-" + n + ": {executorLabel: exec-" + n +
                  ", inputDefinitions: {parameters: {x: {parameterType: NUMBER_INTEGER, defaultValue: 1.0, "
                  "isOptional: true}}}, "
                  "outputDefinitions: {parameters: {Output: {parameterType: NUMBER_INTEGER}}}}\n";
    executors += "    exec-" + n + ": {container: {image: '" + image +
                 "', command: [sh, -c, 'exit 0'], args: ['{{$}}']}}\n";
    dag += "      task-" + n + ": {componentRef: {name: comp-" + n + "}";
    if (i > 0)
      dag += ", dependentTasks: [task-" + std::to_string(i - 1) +
             "], inputs: {parameters: {x: {taskOutputParameter: {producerTask: task-" +
             std::to_string(i - 1) + ", outputParameterKey: Output}}}}";
    dag += "}\n";
  }
  return "pipelineInfo: {name: many}\nschemaVersion: 2.1.0\nsdkVersion: kfp-2.17.0\ncomponents:\n" +
         components + "deploymentSpec:\n  executors:\n" + executors + "root:\n  dag:\n    tasks:\n" + dag;
}

TEST(KubeflowFrontend, RecognizesWhatKfpWrites) {
  const KubeflowFrontend kubeflow;
  const NativeFrontend native;
  for (const std::string& text :
       {pipeline_of(1), "# PIPELINE DEFINITION\n# Name: x\n" + pipeline_of(1),
        std::string(R"({"pipelineInfo": {"name": "x"}, "root": {"dag": {}}, "schemaVersion": "2.1.0"})")}) {
    EXPECT_TRUE(kubeflow.recognizes(text, "p.yaml")) << text;
    EXPECT_FALSE(native.recognizes(text, "p.yaml")) << text;
  }
  for (const std::string text : {"sluice: 1\npipelines: {main: {graph: {}}}\n", "", "pipelineInfo: 1\n",
                                 "x: {pipelineInfo: 1, root: 2}\n"})
    EXPECT_FALSE(kubeflow.recognizes(text, "p.yaml")) << text;
}

TEST(KubeflowFrontend, ReadsFiveThousandTasks) {
  constexpr int tasks = 5000;
  const auto lowered = KubeflowFrontend().lower(pipeline_of(tasks), "p.yaml", {});
  ASSERT_TRUE(lowered);
  EXPECT_EQ(syntax::render("p.yaml", lowered->problems), "");
  EXPECT_EQ(lowered->plan.pipelines.front().body.operations.size(), tasks);
  EXPECT_EQ(syntax::render("p.yaml", ir::verify(lowered->plan, {})), "");
}

const ir::Process& process_of(const ir::Frontend::Lowered& lowered) {
  return std::get<ir::Process>(lowered.plan.pipelines.front().body.operations.front().what);
}

TEST(KubeflowFrontend, RunsAnImageThatIsNotPythonInAContainer) {
  const auto lowered = KubeflowFrontend().lower(pipeline_of(1, "ghcr.io/team/train:1"), "p.yaml", {});
  ASSERT_TRUE(lowered);
  ASSERT_TRUE(process_of(*lowered).image);
  EXPECT_EQ(process_of(*lowered).image->reference, "ghcr.io/team/train:1");
  EXPECT_EQ(process_of(*lowered).argv.size(), 3U);
  EXPECT_EQ(process_of(*lowered).args.size(), 1U);
}

TEST(KubeflowFrontend, IsToldWhichImagesArePython) {
  const auto text = pipeline_of(1, "ghcr.io/team/train:1");
  const auto lowered = KubeflowFrontend().lower(text, "p.yaml", {.python_images = {"ghcr.io/*:1"}});
  ASSERT_TRUE(lowered);
  EXPECT_FALSE(process_of(*lowered).image);
  EXPECT_TRUE(process_of(*lowered).environment);
  const auto other = KubeflowFrontend().lower(text, "p.yaml", {.python_images = {"ghcr.io/*:2"}});
  ASSERT_TRUE(other);
  EXPECT_TRUE(process_of(*other).image);
}

TEST(KubeflowFrontend, RunsEverythingInContainersIfItIsTold) {
  const auto lowered = KubeflowFrontend().lower(pipeline_of(1), "p.yaml", {.only_containers = true});
  ASSERT_TRUE(lowered);
  EXPECT_TRUE(process_of(*lowered).image);
}

TEST(KubeflowFrontend, RefusesBombs) {
  std::string aliases = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    const auto before = "*a" + std::to_string(i - 1);
    aliases += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int n = 0; n < 10; ++n) aliases += (n > 0 ? ", " : "") + before;
    aliases += "]\n";
  }
  EXPECT_FALSE(KubeflowFrontend().lower(pipeline_of(1) + aliases, "p.yaml", {}));
  EXPECT_FALSE(KubeflowFrontend().lower(pipeline_of(1) + "deep: " + std::string(10'000, '['), "p.yaml", {}));
  EXPECT_FALSE(KubeflowFrontend().lower(pipeline_of(1) + "---\na: 1\n---\nb: 1\n", "p.yaml", {}));
}

// `Concat` in `Concat`, deeper than anybody writes it.
TEST(KubeflowFrontend, RefusesPlaceholdersThatAreNestedTooDeep) {
  std::string nested = "\"x\"";
  for (int i = 0; i < 100; ++i) nested = "{\"Concat\": [" + nested + "]}";
  auto text = pipeline_of(1);
  text.replace(text.find("'{{$}}'"), 7, "'" + nested + "'");
  const auto lowered = KubeflowFrontend().lower(text, "p.yaml", {});
  ASSERT_TRUE(lowered);
  EXPECT_NE(syntax::render("p.yaml", lowered->problems).find("nested too deep"), std::string::npos);
}

}  // namespace
}  // namespace sluice::frontends
