#include "sluice/stores/directory/ignore.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "result_assertions.hpp"

namespace sluice::stores::directory {
namespace {

bool ignored(const std::string& pattern, std::string_view path, bool is_folder = false) {
  const auto rules = IgnoreRules::read({pattern});
  EXPECT_OK(rules);
  return rules->ignores(path, is_folder).value_or(false);
}

TEST(IgnoreRules, MatchAsInGitignore) {
  EXPECT_TRUE(ignored("*.pyc", "a/b/c.pyc"));
  EXPECT_FALSE(ignored("*.pyc", "c.pyc2"));
  EXPECT_TRUE(ignored("a?c", "x/abc"));
  EXPECT_TRUE(ignored("build/", "x/build", true));
  EXPECT_FALSE(ignored("build/", "x/build", false));
  EXPECT_TRUE(ignored("/build", "build"));
  EXPECT_FALSE(ignored("/build", "x/build"));
  EXPECT_TRUE(ignored("docs/*.txt", "docs/a.txt"));
  EXPECT_FALSE(ignored("docs/*.txt", "docs/x/a.txt"));
  EXPECT_TRUE(ignored("docs/**/a.txt", "docs/x/y/a.txt"));
  EXPECT_TRUE(ignored("docs/**/a.txt", "docs/a.txt"));
  EXPECT_TRUE(ignored("**/cache", "x/y/cache"));
  EXPECT_TRUE(ignored("  # not a comment ", "  # not a comment"));
  EXPECT_FALSE(ignored("# comment", "# comment"));
  EXPECT_FALSE(ignored("", "x"));
  EXPECT_FALSE(ignored("/", "x", true));
  EXPECT_TRUE(ignored("*.log\r", "x.log"));
}

TEST(IgnoreRules, NameUnsupportedPatterns) {
  const auto rules = IgnoreRules::read({"*.o", "!keep[1].o"});
  ASSERT_FALSE(rules);
  EXPECT_EQ(rules.error().message,
            "ignore pattern `!keep[1].o`: `[` and `\\` are not supported; use `*`, `?`, `**`");
}

TEST(IgnoreRules, OfWhichTheLastOneThatMatchesDecides) {
  const auto rules = IgnoreRules::read({"*.o", "!keep.o", "/never/*.o"});
  ASSERT_OK(rules);
  EXPECT_EQ(rules->ignores("a.o", false), true);
  EXPECT_EQ(rules->ignores("x/keep.o", false), false);
  EXPECT_EQ(rules->ignores("never/keep.o", false), true);
  EXPECT_EQ(rules->ignores("a.c", false), std::nullopt);
}

TEST(IgnoreRules, StayQuickOnPatternsMadeToBeSlow) {
  std::string stars;
  for (int i = 0; i < 200; ++i) stars += "*a";
  EXPECT_FALSE(ignored(stars + "b", std::string(5000, 'a')));
  std::string folders;
  for (int i = 0; i < 200; ++i) folders += "**/a/";
  std::string path;
  for (int i = 0; i < 1000; ++i) path += "a/";
  EXPECT_FALSE(ignored(folders + "b", path + "c"));
}

}  // namespace
}  // namespace sluice::stores::directory
