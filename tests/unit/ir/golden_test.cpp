// The cases of tests/golden/ir: a plan's text, and either its canonical text or every problem in it.
// SLUICE_ACCEPT=1 writes the actual results into the cases.
#include <algorithm>

#include "../../golden_case.hpp"
#include "plans.hpp"

namespace sluice::ir {
namespace {

using test::GoldenCase;

struct Outcome {
  std::string plan;
  std::string problems;
};

Outcome run(const std::string& input) {
  auto lowered = parse_plan(input, "plan.yaml");
  if (!lowered) return {"", lowered.error().message + "\n"};
  auto problems = lowered->problems;
  std::ranges::copy(verify(lowered->plan, services_for_tests()), std::back_inserter(problems));
  if (!problems.empty()) return {"", syntax::render("plan.yaml", problems)};
  return {print_plan(lowered->plan), ""};
}

class Golden : public testing::TestWithParam<std::string> {};

TEST_P(Golden, Case) {
  GoldenCase golden(GetParam());
  ASSERT_TRUE(golden.has("input")) << "a case begins with `--- input`";
  const auto outcome = run(golden.section("input"));
  golden.expect("problems", outcome.problems);
  golden.expect("plan", outcome.plan);
}

TEST_P(Golden, ReadsBackTheSame) {
  const auto outcome = run(GoldenCase(GetParam()).section("input"));
  if (!outcome.problems.empty()) return;
  const auto again = run(outcome.plan);
  EXPECT_EQ(again.problems, "");
  EXPECT_EQ(again.plan, outcome.plan);
}

// A plan that is written in the canonical form is printed unchanged.
TEST_P(Golden, CanonicalCasesAreTheirOwnPlan) {
  if (!GetParam().starts_with("ir/canonical_")) return;
  const GoldenCase golden(GetParam());
  EXPECT_EQ(golden.section("plan"), golden.section("input"));
}

INSTANTIATE_TEST_SUITE_P(Ir, Golden, testing::ValuesIn(test::golden_cases("ir")), test::golden_name);

TEST(Goldens, AreFound) { EXPECT_GT(test::golden_cases("ir").size(), 30U); }

}  // namespace
}  // namespace sluice::ir
