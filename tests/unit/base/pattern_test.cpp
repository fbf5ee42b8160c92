#include "sluice/base/pattern.hpp"

#include <gtest/gtest.h>

#include "result_assertions.hpp"

namespace sluice {
namespace {

bool is_in(std::string_view pattern, std::string_view text) {
  return test::value_of(Pattern::compile(pattern)).is_in(text);
}
std::string failure_of(std::string_view pattern) {
  const auto compiled = Pattern::compile(pattern);
  return compiled ? "" : compiled.error().message;
}

// Where this differs from what Python finds, docs/mlflow.md says so.
TEST(Pattern, IsFoundInTexts) {
  struct Case {
    const char* pattern;
    const char* text;
    bool found;
  };
  for (const auto& [pattern, text, found] : {
           Case{"", "", true},
           Case{"b", "abc", true},
           Case{"^b", "abc", false},
           Case{"^a.c$", "abc", true},
           Case{"^a.c$", "abc\n", false},
           Case{"^a.c$", "a\nc", false},
           Case{"(?s)^a.c$", "a\nc", true},
           Case{"(?m)^b$", "a\nb\nc", true},
           Case{"^b$", "a\nb\nc", false},
           Case{"a|b|", "x", true},
           Case{"^(a|bc)+$", "abcbca", true},
           Case{"^(a|bc)+$", "abb", false},
           Case{"^a{2,3}$", "aa", true},
           Case{"^a{2,3}$", "aaaa", false},
           Case{"^a{2,}$", "aaaa", true},
           Case{"^a{,1}$", "aa", false},
           Case{"^a{x}$", "a{x}", true},
           Case{"^(ab){2}$", "abab", true},
           Case{"a+?b*?", "xa", true},
           Case{"[a-c]x", "bx", true},
           Case{"^[^a-c]$", "b", false},
           Case{"^[^a-c]$", "ü", true},
           Case{"^[]a]$", "]", true},
           Case{"^[a-]$", "-", true},
           Case{"^[\\d\\-x]+$", "1-x", true},
           Case{"^.$", "ü", true},
           Case{"^[ä-ü]$", "ö", true},
           Case{"\\bcat\\b", "a cat.", true},
           Case{"\\bcat\\b", "concat", false},
           Case{"\\Bcat", "concat", true},
           Case{"^\\w+\\s\\d\\D\\S\\W$", "wu 5xy!", true},
           Case{"^\\w$", "ü", false},
           Case{"^\\pL$", "ü", true},
           Case{"(?i)HELLO", "say hello", true},
           Case{"(?i)[h]ello", "HELLO", true},
           Case{"(?i)[^h]ello", "HELLO", false},
           Case{"(?P<name>a)(?:b)", "ab", true},
           Case{"\\x41\\x{fc}", "Aü", true},
           Case{"(?i)Ü", "ü", true},
           Case{"a\\.b", "axb", false},
           Case{"(a*)*$", "b", true},
           Case{"(^a|b$)", "xb", true},
       })
    EXPECT_EQ(is_in(pattern, text), found) << pattern << " in " << text;
}

TEST(Pattern, TakesTimeInProportionToTheText) {
  const std::string text(20'000, 'a');
  EXPECT_FALSE(is_in("(a+)+b", text));
  EXPECT_FALSE(is_in("(a|aa)*c$", text));
  EXPECT_FALSE(is_in("(.*.*.*.*.*)x", text));
  EXPECT_FALSE(is_in("(a?){200}[ab]{200}c", text));
}

TEST(Pattern, RefusesWhatItDoesNotKnow) {
  EXPECT_EQ(failure_of("a\\1"), "regular expression: invalid escape sequence: \\1");
  EXPECT_EQ(failure_of("(?=a)"), "regular expression: invalid perl operator: (?=");
  EXPECT_EQ(failure_of("(a"), "regular expression: missing ): (a");
  EXPECT_EQ(failure_of("[a"), "regular expression: missing ]: [a");
  EXPECT_EQ(failure_of("*a"), "regular expression: no argument for repetition operator: *");
  EXPECT_EQ(failure_of("[z-a]"), "regular expression: invalid character class range: z-a");
  EXPECT_EQ(failure_of("a{3,2}"), "regular expression: invalid repetition size: {3,2}");
  EXPECT_EQ(failure_of("((a{20}){20}){20}"), "regular expression: invalid repetition size: {20}");
  EXPECT_EQ(failure_of("(a{50}|[^b]{900}){1}\\pL{100}"), "regular expression: it is too large; repeat less");
  EXPECT_EQ(failure_of(std::string(1001, 'a')), "regular expression: it is longer than 1000 bytes");
  EXPECT_EQ(failure_of("\xff"), "regular expression: it is not UTF-8");
  EXPECT_NE(failure_of(std::string(1000, '(')), "");
}

TEST(Pattern, LooksAtAnyBytes) { EXPECT_TRUE(is_in("b", "\xff\xc3 b\xf0")); }

}  // namespace
}  // namespace sluice
