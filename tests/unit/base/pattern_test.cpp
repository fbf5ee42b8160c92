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

TEST(Pattern, FindsWhatPythonFinds) {
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
           Case{"^a.c$", "abc\n", true},
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
           Case{"^\\w+\\s\\d\\D\\S\\W$", "wü 5xy!", true},
           Case{"(?i)HELLO", "say hello", true},
           Case{"(?i)[h]ello", "HELLO", true},
           Case{"(?i)[^h]ello", "HELLO", false},
           Case{"(?P<name>a)(?:b)", "ab", true},
           Case{"\\x41\\u00fc", "Aü", true},
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
}

TEST(Pattern, RefusesWhatItDoesNotKnow) {
  EXPECT_EQ(failure_of("a\\1"),
            "regular expression, byte 4: an escape that is not known, such as a backreference");
  EXPECT_EQ(failure_of("(?=a)"),
            "regular expression, byte 3: only plain groups are known, and flags in front");
  EXPECT_EQ(failure_of("(?x)a"), "regular expression, byte 1: only the flags `i`, `m` and `s` are known");
  EXPECT_EQ(failure_of("(a"), "regular expression, byte 3: `(` without its `)`");
  EXPECT_EQ(failure_of("a)"), "regular expression, byte 2: `)` without its `(`");
  EXPECT_EQ(failure_of("[a"), "regular expression, byte 3: `[` without its `]`");
  EXPECT_EQ(failure_of("*a"), "regular expression, byte 1: there is nothing to repeat");
  EXPECT_EQ(failure_of("a**"), "regular expression, byte 4: there is nothing to repeat");
  EXPECT_EQ(failure_of("a*+"), "regular expression, byte 3: a possessive repetition is not known");
  EXPECT_EQ(failure_of("[z-a]"), "regular expression, byte 5: a range that is none");
  EXPECT_EQ(failure_of("a{3,2}"),
            "regular expression, byte 2: a repetition that is too often, or ends before it begins");
  EXPECT_EQ(failure_of("((a{20}){20}){20}"), "regular expression: it is too large; repeat less");
  EXPECT_EQ(failure_of("(((){400}){400}){400}"), "regular expression: it is too large; repeat less");
  EXPECT_EQ(failure_of(std::string(100, '(')), "regular expression, byte 52: it is nested too deeply");
  EXPECT_EQ(failure_of("\\"), "regular expression, byte 2: `\\` at the end");
  EXPECT_EQ(failure_of("\\xZZ"),
            "regular expression, byte 3: a character is written with hexadecimal digits");
  EXPECT_EQ(failure_of("(?P<a"), "regular expression, byte 5: the name of a group does not end");
  EXPECT_EQ(failure_of(std::string(1001, 'a')), "regular expression: it is longer than 1000 bytes");
  EXPECT_EQ(failure_of("\xff"), "regular expression: it is not UTF-8");
}

TEST(Pattern, LooksAtAnyBytes) { EXPECT_TRUE(is_in("b", "\xff\xc3 b\xf0")); }

}  // namespace
}  // namespace sluice
