// Checks the examples of docs/expressions.md.
#include <fstream>

#include <gtest/gtest.h>

#include "places.hpp"
#include "test_scope.hpp"

namespace sluice::syntax {
namespace {

/// The text between the first two backticks from `at` on; moves `at` after them.
std::string code(const std::string& line, std::size_t& at) {
  const auto begin = line.find('`', at);
  if (begin == std::string::npos) return "";
  const auto end = line.find('`', begin + 1);
  at = end + 1;
  return line.substr(begin + 1, end - begin - 1);
}

TEST(ExpressionsDoc, ExamplesHold) {
  std::ifstream file(test::source("docs/expressions.md"));
  ASSERT_TRUE(file);
  std::string documented;
  bool examples = false;
  int checked = 0;
  for (std::string line; std::getline(file, line);) {
    documented += line;
    if (line.starts_with("| example |")) examples = true;
    if (!line.starts_with("|")) examples = false;
    if (!examples || !line.starts_with("| `")) continue;
    std::size_t at = 0;
    const auto source = code(line, at);
    const auto rest = line.substr(at);
    SCOPED_TRACE(line);
    ++checked;
    if (rest.starts_with(" | absent |")) {
      EXPECT_EQ(evaluated(source), "absent");
    } else if (rest.starts_with(" | raises `")) {
      const auto kind = code(line, at);
      const auto message = line.substr(at + 2, line.rfind(" |") - at - 2);
      EXPECT_EQ(evaluated(source), kind + ": " + message);
    } else {
      EXPECT_EQ(evaluated(source), code(line, at));
    }
  }
  EXPECT_GT(checked, 40);
  for (const auto& name : function_names())
    EXPECT_NE(documented.find(name + "("), std::string::npos) << name << " is not in the page";
}

}  // namespace
}  // namespace sluice::syntax
