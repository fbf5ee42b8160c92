#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "result_assertions.hpp"
#include "sluice/base/json.hpp"

namespace sluice {
namespace {

Value read(std::string_view text) { return test::value_of(parse_json(text)); }

std::string problem(std::string_view text, JsonLimits limits = {}) {
  return test::message_of(parse_json(text, "plan.json", limits));
}

TEST(ReadingJson, KnowsAnIntegerFromANumber) {
  EXPECT_EQ(read("1"), Value(1));
  EXPECT_EQ(read("1.0"), Value(1.0));
  EXPECT_EQ(read("1e0"), Value(1.0));
  EXPECT_EQ(read("-0"), Value(0));
  EXPECT_FALSE(read("1") == read("1.0"));
}

TEST(ReadingJson, KeepsEveryInt64AndTurnsLargerOnesIntoDoubles) {
  EXPECT_EQ(read("9223372036854775807"), Value(std::numeric_limits<std::int64_t>::max()));
  EXPECT_EQ(read("-9223372036854775808"), Value(std::numeric_limits<std::int64_t>::min()));
  EXPECT_EQ(read("9223372036854775808"), Value(9223372036854775808.0));
  EXPECT_EQ(read("18446744073709551616"), Value(18446744073709551616.0));
}

TEST(ReadingJson, RoundsDoublesCorrectly) {
  EXPECT_EQ(read("0.1"), Value(0.1));
  EXPECT_EQ(read("2.2250738585072011e-308"),
            Value(2.2250738585072011e-308));                         // once an endless loop in other parsers
  EXPECT_EQ(read("9007199254740993.0"), Value(9007199254740992.0));  // a tie goes to even
  EXPECT_EQ(read("1.7976931348623157e308"), Value(std::numeric_limits<double>::max()));
  EXPECT_EQ(read("5e-324"), Value(std::numeric_limits<double>::denorm_min()));
}

TEST(ReadingJson, RoundsWhatIsTooSmallForADoubleToZero) {
  EXPECT_EQ(read("1e-400"), Value(0.0));
  EXPECT_EQ(read("0." + std::string(400, '0') + "1"), Value(0.0));
  EXPECT_EQ(read("0.0e-999"), Value(0.0));
  EXPECT_TRUE(std::signbit(*read("-1e-400").if_number()));
}

TEST(ReadingJson, RefusesWhatIsTooLargeForADouble) {
  EXPECT_EQ(problem("[1e400]"), "plan.json:1:7: number 1e400 is out of range");
  EXPECT_EQ(problem("-1e400\n"), "plan.json:1:7: number -1e400 is out of range");
  EXPECT_EQ(problem("0." + std::string(100, '0') + "1E+500").substr(0, 30), "plan.json:1:109: number 0.0000");
  EXPECT_EQ(problem(std::string(400, '9')).substr(0, 26), "plan.json:1:401: number 99");
  EXPECT_EQ(problem("1e99999999999"), "plan.json:1:12: the exponent of a number is out of range");
}

TEST(ReadingJson, RefusesNanAndInfinities) {
  for (const auto* text : {"NaN", "Infinity", "-Infinity", "[nan]"})
    EXPECT_NE(problem(text).find("invalid JSON syntax"), std::string::npos);
}

TEST(ReadingJson, KeepsTheOrderOfKeys) {
  EXPECT_EQ(to_json(read(R"({"z": 1, "a": [true, false, null], "m": {}})")),
            R"({"z":1,"a":[true,false,null],"m":{}})");
}

TEST(ReadingJson, RefusesADuplicateKey) {
  EXPECT_EQ(problem("{\n  \"a\": 1,\n  \"a\": 2\n}"), "plan.json:3:9: duplicate key `a`");
}

/// {"k0": 0, "k1": 0, …} with `twice` once more at the end.
std::string many_keys(int count, int twice) {
  std::string text = "{";
  for (int i = 0; i < count; ++i) text += "\"k" + std::to_string(i) + "\": 0, ";
  return text + "\"k" + std::to_string(twice) + "\": 1}";
}

TEST(ReadingJson, FindsEveryDuplicateInALargeObjectToo) {
  for (const int count : {30, 31, 32, 33, 34, 100})
    for (int twice = 0; twice < count; ++twice)
      EXPECT_NE(problem(many_keys(count, twice)).find("duplicate key `k" + std::to_string(twice) + "`"),
                std::string::npos)
          << count << " keys, number " << twice << " twice";
}

TEST(ReadingJson, LetsDifferentObjectsHaveTheSameKeys) {
  const auto one = many_keys(40, 40);
  const auto list = read("[" + one + "," + one + ", {\"x\": " + one + ", \"k0\": " + one + "}]");
  EXPECT_EQ(list.if_list()->size(), 3U);
}

TEST(ReadingJson, LimitsDepthAndSaysWhereItIsExceeded) {
  EXPECT_TRUE(parse_json(std::string(200, '[') + std::string(200, ']')));
  EXPECT_EQ(problem(std::string(201, '[')), "plan.json:1:201: nested more than 200 deep");
  EXPECT_EQ(problem("[[[]]]", {.depth_max = 2}), "plan.json:1:3: nested more than 2 deep");
}

TEST(ReadingJson, CountsValuesAgainstTheBytesThatAreAllowed) {
  EXPECT_TRUE(parse_json(R"([1, {"a": 2}, 3])", "plan.json", {.bytes_max = 5 * 32}));
  EXPECT_EQ(problem(R"([1, {"a": 2}, 3])", {.bytes_max = 4 * 32}),
            "plan.json:1:16: more than 4 values; send them as a file");
}

TEST(ReadingJson, RefusesATextOverTheLimit) {
  EXPECT_EQ(problem("[1, 2, 3]", {.bytes_max = 8}), "plan.json: 9 B exceeds the limit of 8 B");
  EXPECT_EQ(parse_json("[1, 2, 3]", "x", {.bytes_max = 8}).error().code, Code::too_large);
}

TEST(ReadingJson, SaysWhereTheTextIsWrong) {
  EXPECT_EQ(problem("{\"a\": 1,\n \"b\": tru}"), "plan.json:2:7: invalid JSON syntax");
  EXPECT_EQ(problem("[1, 2"), "plan.json:1:6: unexpected end of text");
  EXPECT_EQ(problem(""), "plan.json:1:1: unexpected end of text");
  EXPECT_EQ(problem("{} {}"), "plan.json:1:4: unexpected text after the end of the value");
  EXPECT_EQ(problem("[1,]"), "plan.json:1:4: invalid JSON syntax");
  EXPECT_EQ(problem("01"), "plan.json:1:2: unexpected text after the end of the value");
}

TEST(ReadingJson, TakesWhiteSpaceAroundTheValue) { EXPECT_EQ(read(" \t\r\n 7 \n"), Value(7)); }

TEST(ReadingJson, RefusesCommentsAndTrailingText) {
  problem("// note\n1");
  problem("1 /* note */");
}

TEST(ReadingJson, ReadsEscapes) {
  EXPECT_EQ(read(R"("\"\\\/\b\f\n\r\t\u00e4\ud83d\ude00")"),
            Value("\"\\/\b\f\n\r\t\xc3\xa4\xf0\x9f\x98\x80"));
  EXPECT_EQ(read(R"("a\u0000b")"), Value(std::string("a\0b", 3)));
}

TEST(ReadingJson, RefusesHalfASurrogate) {
  problem(R"(["\ud83d"])");
  EXPECT_NE(problem(R"(["\ud83d\u0041"])").find("unpaired surrogate in an escape sequence"),
            std::string::npos);
  EXPECT_NE(problem(R"(["\ude00"])").find("unpaired surrogate in an escape sequence"), std::string::npos);
}

TEST(ReadingJson, RefusesBytesThatAreNotUtf8) {
  for (const auto* text :
       {"\"\xff\"", "\"\xc3\"", "\"\xed\xa0\x80\"", "\"\xc0\xaf\"", "\"\xf5\x80\x80\x80\"", "{\"\xff\": 1}"})
    problem(text);
}

TEST(ReadingJson, RefusesControlCharactersInsideAText) { problem("\"a\nb\""); }

TEST(ReadingJson, NeverMakesAnArtifact) {
  const auto value = read(R"({"$artifact": {"kind": "any", "uri": "https://x"}})");
  EXPECT_TRUE(value.is_struct());
  EXPECT_NE(value.find("$artifact"), nullptr);
}

}  // namespace
TEST(JsonObjects, AreWrittenFieldAfterField) {
  std::string text = "before ";
  JsonObject object(text);
  object.text("name", "a \"b\"\n");
  object.integer("count", -7);
  object.boolean("ok", true);
  auto inner = object.object("inner");
  inner.end();
  Struct plain;
  plain.set("$artifact", "no artifact");
  object.tagged("value", Value(plain));
  object.tagged("list", List{1, 1.0, Value()});
  object.end();
  EXPECT_EQ(text,
            "before {\"name\":\"a \\\"b\\\"\\n\",\"count\":-7,\"ok\":true,\"inner\":{},"
            "\"value\":{\"$$artifact\":\"no artifact\"},\"list\":[1,1.0,null]}");
}

TEST(JsonObjects, HaveNamesAndTextsOfAnyLength) {
  std::string text;
  std::string expected;
  for (std::size_t length = 0; length < 200; ++length) {
    const std::string name(length, 'n');
    const std::string plain(200 - length, 'p');
    JsonObject object(text);
    object.text(name, plain);
    object.end();
    expected += R"({")" + name + R"(":")" + plain + R"("})";
    ASSERT_EQ(text, expected);
  }
}

}  // namespace sluice
