#include <bit>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "result_assertions.hpp"
#include "sluice/base/json.hpp"
#include "sluice/base/random.hpp"

namespace sluice {
namespace {

Value read_back(const Value& value) { return test::value_of(parse_json(to_json(value))); }

Struct struct_of(std::vector<std::pair<std::string, Value>> fields) {
  Struct s;
  for (auto& [key, value] : fields) s.set(std::move(key), std::move(value));
  return s;
}

TEST(WritingJson, GivesDoublesAPointOrAnExponent) {
  EXPECT_EQ(to_json(1.0), "1.0");
  EXPECT_EQ(to_json(-0.0), "-0.0");
  EXPECT_EQ(to_json(0.1), "0.1");
  EXPECT_EQ(to_json(1e22), "1e+22");
  EXPECT_EQ(to_json(5e-324), "5e-324");
  EXPECT_EQ(to_json(1), "1");
}

TEST(WritingJson, WritesTheShortestTextThatReadsBackTheSame) {
  EXPECT_EQ(to_json(0.1 + 0.2), "0.30000000000000004");
  EXPECT_EQ(to_json(1.0 / 3), "0.3333333333333333");
}

TEST(WritingJson, LosesNoBitOfAnyDouble) {
  SeededRandom random(7);
  for (int i = 0; i < 20'000; ++i) {
    const auto bits = random.next();
    const auto number = std::bit_cast<double>(bits);
    if (!std::isfinite(number)) continue;
    const auto again = read_back(number);
    ASSERT_NE(again.if_number(), nullptr) << to_json(number);
    ASSERT_EQ(std::bit_cast<std::uint64_t>(*again.if_number()), bits) << to_json(number);
  }
}

TEST(WritingJson, LosesNoInteger) {
  SeededRandom random(8);
  for (int i = 0; i < 2'000; ++i) {
    const auto number = std::bit_cast<std::int64_t>(random.next()) >> random.below(64);
    ASSERT_EQ(read_back(number), Value(number));
  }
  EXPECT_EQ(read_back(std::numeric_limits<std::int64_t>::min()),
            Value(std::numeric_limits<std::int64_t>::min()));
}

TEST(WritingJson, EscapesWhatHasToBe) {
  EXPECT_EQ(to_json("a\"b\\c\n\r\t\x01/\x7f\xc3\xa4"), "\"a\\\"b\\\\c\\n\\r\\t\\u0001/\x7f\xc3\xa4\"");
  EXPECT_EQ(to_json(std::string("a\0b", 3)), R"("a\u0000b")");
  EXPECT_EQ(to_json(struct_of({{"a\"b", 1}})), R"({"a\"b":1})");
}

TEST(WritingJson, ReplacesBytesThatAreNotUtf8SoThatTheTextStaysReadable) {
  EXPECT_EQ(read_back("a\xff"
                      "b"),
            Value("a\xef\xbf\xbd"
                  "b"));
  EXPECT_EQ(read_back("\xc3"), Value("\xef\xbf\xbd"));
  EXPECT_EQ(read_back("\xe2\x82\xc3\xa4"), Value("\xef\xbf\xbd\xef\xbf\xbd\xc3\xa4"));
  EXPECT_EQ(read_back(struct_of({{"k\xff", 1}})), Value(struct_of({{"k\xef\xbf\xbd", 1}})));
}

TEST(WritingJson, KeepsTheOrderOfKeysButForTheCanonicalText) {
  const Value value = struct_of({{"b", 1}, {"a", struct_of({{"d", 2.0}, {"c", List{}}})}});
  EXPECT_EQ(to_json(value), R"({"b":1,"a":{"d":2.0,"c":[]}})");
  EXPECT_EQ(canonical_json(value), R"({"a":{"c":[],"d":2.0},"b":1})");
}

TEST(WritingJson, SortsKeysByTheirBytes) {
  const Value value = struct_of({{"\xc3\xa4", 1}, {"z", 2}, {"Z", 3}, {"", 4}, {"a", 5}, {"aa", 6}});
  EXPECT_EQ(canonical_json(value), "{\"\":4,\"Z\":3,\"a\":5,\"aa\":6,\"z\":2,\"\xc3\xa4\":1}");
}

TEST(WritingJson, PrettyTextKeepsRowsOfPlainValuesOnOneLine) {
  const Value value =
      struct_of({{"row", List{1, 2.5, "x"}}, {"rows", List{List{1, 2}, List{}}}, {"none", Struct{}}});
  EXPECT_EQ(to_json(value, JsonStyle::pretty),
            "{\n  \"row\": [1, 2.5, \"x\"],\n  \"rows\": [\n    [1, 2],\n    []\n  ],\n  \"none\": {}\n}");
  EXPECT_EQ(parse_json(to_json(value, JsonStyle::pretty)), value);
}

TEST(WritingJson, RefusesToWriteNan) {
  EXPECT_DEATH(static_cast<void>(to_json(std::numeric_limits<double>::quiet_NaN())),
               "check failed: std::isfinite");
}

}  // namespace
}  // namespace sluice
