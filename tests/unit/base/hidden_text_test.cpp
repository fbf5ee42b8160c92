#include "sluice/base/hidden_text.hpp"

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(HiddenText, ReplacesTheLongestOfThoseThatBeginAtAPlace) {
  const std::vector<std::string> hidden{"abcd", "abcdef", "cdxx", "abc", "é-secret"};
  EXPECT_EQ(hide("abcd abcdef abcde abcdxx abc", hidden), "*** *** ***e ***xx abc");
  EXPECT_EQ(hide("aabcd\xff\xfe"
                 "abcdabcd é-secret",
                 hidden),
            "a***\xff\xfe"
            "****** ***");
  EXPECT_EQ(hide("nothing", {}), "nothing");
  EXPECT_EQ(hide("", hidden), "");
}

TEST(HiddenText, TheSameHoweverItArrives) {
  const std::vector<std::string> hidden{"secret", "secrets of", "ets!"};
  const std::string text = "a secret, two secrets of whom? secrets! secret";
  const auto whole = hide(text, hidden);
  EXPECT_EQ(whole, "a ***, two *** whom? ***s! ***");
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    HiddenText arriving(hidden);
    std::string shown;
    for (std::size_t at = 0; at < text.size(); at += piece) shown += arriving.add(text.substr(at, piece));
    EXPECT_EQ(shown + arriving.finish(), whole) << piece;
  }
}

TEST(HiddenText, KeepsBackOnlyWhatMayBecomeOne) {
  HiddenText arriving({"secret"});
  EXPECT_EQ(arriving.add("50 %\n"), "50 %\n");
  EXPECT_EQ(arriving.add("the sec"), "the ");
  EXPECT_EQ(arriving.add("ond"), "second");
  EXPECT_EQ(arriving.add("secr"), "");
  EXPECT_EQ(arriving.finish(), "secr");
}

}  // namespace
}  // namespace sluice
