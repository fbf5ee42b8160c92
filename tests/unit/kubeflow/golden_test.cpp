// The cases of tests/golden/kubeflow: a compiled pipeline, and the plan that it becomes, or every problem in
// it; and what only Kubernetes could honor. SLUICE_ACCEPT=1 writes the actual results into the cases.
#include <algorithm>

#include "../../golden_case.hpp"
#include "sluice/frontends/kubeflow/kubeflow_frontend.hpp"
#include "sluice/ir/parse.hpp"
#include "sluice/ir/verify.hpp"

namespace sluice::frontends {
namespace {

using test::GoldenCase;

struct Outcome {
  std::string plan;
  std::string problems;
  std::string warnings;
};

Outcome run(const std::string& input, const ir::LoweringOptions& options) {
  auto lowered = KubeflowFrontend().lower(input, "pipeline.yaml", options);
  if (!lowered) return {"", lowered.error().message + "\n", ""};
  auto problems = lowered->problems;
  std::ranges::copy(ir::verify(lowered->plan, {}), std::back_inserter(problems));
  auto warnings = syntax::render("pipeline.yaml", lowered->warnings);
  if (!problems.empty()) return {"", syntax::render("pipeline.yaml", problems), warnings};
  return {ir::print_plan(lowered->plan), "", warnings};
}

class Golden : public testing::TestWithParam<std::string> {};

TEST_P(Golden, Case) {
  GoldenCase golden(GetParam());
  ASSERT_TRUE(golden.has("input")) << "a case begins with `--- input`";
  const auto outcome = run(golden.section("input"), {});
  golden.expect("problems", outcome.problems);
  golden.expect("warnings", outcome.warnings);
  golden.expect("plan", outcome.plan);
}

// What is stored of a plan is its canonical text.
TEST_P(Golden, IsAPlanOfTheCanonicalForms) {
  const auto outcome = run(GoldenCase(GetParam()).section("input"), {});
  if (!outcome.problems.empty()) return;
  const auto again = ir::parse_plan(outcome.plan, "plan.yaml");
  ASSERT_TRUE(again);
  EXPECT_EQ(syntax::render("plan.yaml", again->problems), "");
  EXPECT_EQ(ir::print_plan(again->plan), outcome.plan);
}

INSTANTIATE_TEST_SUITE_P(Kubeflow, Golden, testing::ValuesIn(test::golden_cases("kubeflow")),
                         test::golden_name);

TEST(Goldens, AreFound) { EXPECT_GT(test::golden_cases("kubeflow").size(), 15U); }

}  // namespace
}  // namespace sluice::frontends
