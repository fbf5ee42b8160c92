// The cases of tests/golden/ir: a plan's text, and either its canonical text or every problem in it.
// SLUICE_ACCEPT=1 writes what came out into the cases.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "plans.hpp"

namespace sluice::ir {
namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<fs::path> cases() {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(fs::path(SLUICE_SOURCE_DIR) / "tests/golden/ir"))
    if (entry.path().extension() == ".case") found.push_back(entry.path());
  std::ranges::sort(found);
  return found;
}

/// The text between "--- NAME" and the next "--- …" or the end.
std::string section(const std::string& text, const std::string& name) {
  const auto head = "--- " + name + "\n";
  auto at = text.starts_with(head) ? 0 : text.find("\n" + head);
  if (at == std::string::npos) return "";
  at = text.find('\n', at + (at > 0 ? 1 : 0)) + 1;
  const auto end = text.find("\n--- ", at);
  return text.substr(at, end == std::string::npos ? end : end + 1 - at);
}

struct Outcome {
  std::string plan;
  std::string problems;
};

Outcome run(const std::string& input) {
  auto lowered = frontends::NativeFrontend().lower(input, "plan.yaml");
  if (!lowered) return {"", lowered.error().message + "\n"};
  auto problems = lowered->problems;
  std::ranges::copy(verify(lowered->plan, services_for_tests()), std::back_inserter(problems));
  if (!problems.empty()) return {"", syntax::render("plan.yaml", problems)};
  return {print_plan(lowered->plan), ""};
}

class Golden : public testing::TestWithParam<fs::path> {};

TEST_P(Golden, Case) {
  const auto text = read(GetParam());
  const auto input = section(text, "input");
  ASSERT_NE(input, "") << "a case begins with `--- input`";
  const auto outcome = run(input);
  if (std::getenv("SLUICE_ACCEPT")) {
    const auto head = text.substr(0, text.find("--- input\n"));
    std::ofstream(GetParam()) << head << "--- input\n"
                              << input << (outcome.problems.empty() ? "--- plan\n" : "--- problems\n")
                              << outcome.plan << outcome.problems;
    return;
  }
  EXPECT_EQ(outcome.problems, section(text, "problems"));
  EXPECT_EQ(outcome.plan, section(text, "plan"));
}

TEST_P(Golden, ReadsBackTheSame) {
  const auto outcome = run(section(read(GetParam()), "input"));
  if (!outcome.problems.empty()) return;
  const auto again = run(outcome.plan);
  EXPECT_EQ(again.problems, "");
  EXPECT_EQ(again.plan, outcome.plan);
}

// What a person wrote by the book is printed as it was written.
TEST_P(Golden, CanonicalCasesAreTheirOwnPlan) {
  if (!GetParam().stem().string().starts_with("canonical_")) return;
  const auto text = read(GetParam());
  EXPECT_EQ(section(text, "plan"), section(text, "input"));
}

INSTANTIATE_TEST_SUITE_P(Ir, Golden, testing::ValuesIn(cases()),
                         [](const auto& instance) { return instance.param.stem().string(); });

TEST(Goldens, AreFound) { EXPECT_GT(cases().size(), 30U); }

}  // namespace
}  // namespace sluice::ir
