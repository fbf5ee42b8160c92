#include "sluice/base/words.hpp"

#include <gtest/gtest.h>

#include "sluice/base/random.hpp"

namespace sluice {
namespace {

TEST(NearestName, FindsATypingMistake) {
  const std::vector<std::string> names{"train", "evaluate", "register"};
  EXPECT_EQ(nearest("trian", names), "train");
  EXPECT_EQ(nearest("evaluat", names), "evaluate");
  EXPECT_EQ(nearest("regsiter", names), "register");
  EXPECT_EQ(did_you_mean("trian", names), "; did you mean `train`?");
}

TEST(NearestName, FindsNothingWhereNothingIsNear) {
  EXPECT_EQ(nearest("banana", {"train", "evaluate"}), std::nullopt);
  EXPECT_EQ(nearest("x", {"y"}), std::nullopt);
  EXPECT_EQ(nearest("", {"a", ""}), std::nullopt);
  EXPECT_EQ(nearest("train", {}), std::nullopt);
  EXPECT_EQ(did_you_mean("banana", {"train"}), "");
}

TEST(NearestName, TakesTheNearestOfSeveral) {
  EXPECT_EQ(nearest("foldes", {"folder", "folds", "fold"}), "folder");
}

TEST(NearestName, SkipsVeryLongNames) {
  const std::string longer(101, 'a');
  EXPECT_EQ(nearest(longer, {longer}), std::nullopt);
}

TEST(PercentEncoding, KeepsLettersDigitsAndALittleMore) {
  EXPECT_EQ(percent_encode("aZ09._-"), "aZ09._-");
  EXPECT_EQ(percent_encode("a b/c%\xc3\xa4[0]"), "a%20b%2Fc%25%C3%A4%5B0%5D");
  EXPECT_EQ(percent_encode("a/b c", "/"), "a/b%20c");
}

TEST(PercentEncoding, ReadsBackEveryByte) {
  std::string all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<char>(i));
  EXPECT_EQ(percent_decode(percent_encode(all)), all);
  EXPECT_EQ(percent_decode("%2f%2F"), "//");
}

TEST(PercentEncoding, RefusesHalfAnEscape) {
  for (const auto* text : {"%", "a%4", "%g0", "%0g", "%%41"})
    EXPECT_EQ(percent_decode(text), std::nullopt) << text;
}

TEST(ShellWord, LeavesPlainWordsAndQuotesTheOthers) {
  EXPECT_EQ(shell_word("/var/lib/sluice-1.0"), "/var/lib/sluice-1.0");
  EXPECT_EQ(shell_word("http://127.0.0.1:8080"), "http://127.0.0.1:8080");
  EXPECT_EQ(shell_word("learn[3]"), "'learn[3]'");
  EXPECT_EQ(shell_word("it's a $HOME"), "'it'\\''s a $HOME'");
  EXPECT_EQ(shell_word("~"), "'~'");
  EXPECT_EQ(shell_word(""), "''");
}

TEST(LowerAscii, ChangesNothingButAToZ) {
  EXPECT_EQ(lower_ascii("AZ az @[ \xc3\x84 0"), "az az @[ \xc3\x84 0");
}

TEST(Utf8, AcceptsValidText) {
  for (const auto* text : {"", "abc", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf",
                           "\xed\x9f\xbf", "\xee\x80\x80"})
    EXPECT_TRUE(is_utf8(text)) << text;
  EXPECT_TRUE(is_utf8(std::string_view("\0", 1)));
}

TEST(Utf8, RefusesOverlongHalfSurrogateAndBrokenSequences) {
  for (const auto* text :
       {"\x80", "\xc0\xaf", "\xc1\xbf", "\xc3", "\xc3(", "\xe0\x80\x80", "\xe2\x82", "\xed\xa0\x80",
        "\xed\xbf\xbf", "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "a\xf0\x9f\x98"})
    EXPECT_FALSE(is_utf8(text)) << text;
}

TEST(Utf8, ReplacesEachInvalidByte) {
  EXPECT_EQ(as_utf8("plain \xc3\xa4"), "plain \xc3\xa4");
  EXPECT_EQ(as_utf8("a\xff\xfe"
                    "b"),
            "a\xef\xbf\xbd\xef\xbf\xbd"
            "b");
  EXPECT_EQ(as_utf8("\xe2\x82"), "\xef\xbf\xbd\xef\xbf\xbd");
}

TEST(Base64, IsThatOfTheRfc) {
  // RFC 4648, section 10.
  const std::vector<std::pair<std::string, std::string>> rows{{"", ""},
                                                              {"f", "Zg=="},
                                                              {"fo", "Zm8="},
                                                              {"foo", "Zm9v"},
                                                              {"foob", "Zm9vYg=="},
                                                              {"fooba", "Zm9vYmE="},
                                                              {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, encoded] : rows) {
    EXPECT_EQ(base64_encode(plain), encoded);
    EXPECT_EQ(base64_decode(encoded), plain);
  }
}

TEST(Base64, ReadsBackAnyBytes) {
  SeededRandom random(7);
  for (std::size_t length = 0; length < 70; ++length) {
    std::string bytes;
    for (std::size_t i = 0; i < length; ++i) bytes.push_back(static_cast<char>(random.below(256)));
    EXPECT_EQ(base64_decode(base64_encode(bytes)), bytes);
  }
}

TEST(Base64, RefusesOtherCharactersAndOddLengths) {
  for (const auto* text :
       {"Zg=", "Zg", "Z", "Zm9v\n", "Zm 9v", "Zm9-", "Zm9_", "Z===", "====", "=Zg=", "Zg==Zg==", "Zm=v"})
    EXPECT_EQ(base64_decode(text), std::nullopt) << text;
}

TEST(HumanBytes, AreRounded) {
  EXPECT_EQ(human_bytes(0), "0 B");
  EXPECT_EQ(human_bytes(999), "999 B");
  EXPECT_EQ(human_bytes(12'345), "12.3 kB");
  EXPECT_EQ(human_bytes(123'456'789), "123 MB");
  EXPECT_EQ(human_bytes(std::uint64_t{64} << 20), "67.1 MB");
}

TEST(Sizes, AreReadAsPeopleWriteThem) {
  EXPECT_EQ(bytes_of("512"), 512U);
  EXPECT_EQ(bytes_of("500 MB"), 500'000'000U);
  EXPECT_EQ(bytes_of("1.5GB"), 1'500'000'000U);
  EXPECT_EQ(bytes_of("20k"), 20'000U);
  EXPECT_EQ(bytes_of("4GiB"), std::uint64_t{4} << 30);
  EXPECT_EQ(bytes_of("4Gi"), bytes_of("4GiB"));
  EXPECT_EQ(bytes_of("500M"), bytes_of("500 MB"));
  for (const auto* text :
       {"", "GB", "-1", "1e3", "1.2.3", "4 giga", "4GiBB", "4Mbit", "1 000", "10000000T", "4ii"})
    EXPECT_EQ(bytes_of(text), std::nullopt) << text;
}

}  // namespace
}  // namespace sluice
