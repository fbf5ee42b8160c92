#include "sluice/base/numbers.hpp"

#include <limits>

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(ParseInteger, TakesDigitsAndASign) {
  EXPECT_EQ(parse_integer<int>("0"), 0);
  EXPECT_EQ(parse_integer<int>("-12"), -12);
  EXPECT_EQ(parse_integer<int>("007"), 7);
  EXPECT_EQ(parse_integer<std::uint64_t>("18446744073709551615"), UINT64_MAX);
  EXPECT_EQ(parse_integer<std::int64_t>("-9223372036854775808"), INT64_MIN);
}

TEST(ParseInteger, RefusesWhatIsNotAnInteger) {
  for (const auto* text : {"", "-", "+1", " 1", "1 ", "1.0", "1e3", "0x10", "one", "1\n", "--1"})
    EXPECT_EQ(parse_integer<int>(text), std::nullopt) << text;
  EXPECT_EQ(parse_integer<int>(std::string_view("1\0", 2)), std::nullopt);
  EXPECT_EQ(parse_integer<int>({}), std::nullopt);
}

TEST(ParseInteger, RefusesWhatTheTypeCannotHold) {
  EXPECT_EQ(parse_integer<std::uint16_t>("65535"), 65535);
  EXPECT_EQ(parse_integer<std::uint16_t>("65536"), std::nullopt);
  EXPECT_EQ(parse_integer<std::int32_t>("2147483648"), std::nullopt);
  EXPECT_EQ(parse_integer<std::int32_t>("-2147483649"), std::nullopt);
  EXPECT_EQ(parse_integer<std::int64_t>("9223372036854775808"), std::nullopt);
  EXPECT_EQ(parse_integer<std::uint64_t>("18446744073709551616"), std::nullopt);
  EXPECT_EQ(parse_integer<unsigned>("-1"), std::nullopt);
  EXPECT_EQ(parse_integer<unsigned>("-0"), std::nullopt);
}

TEST(ParseInteger, KnowsOtherBases) {
  EXPECT_EQ(parse_integer<unsigned>("fF", 16), 255U);
  EXPECT_EQ(parse_integer<unsigned>("040", 8), 32U);
  EXPECT_EQ(parse_integer<unsigned>("8", 8), std::nullopt);
  EXPECT_EQ(parse_integer<unsigned>("g", 16), std::nullopt);
}

TEST(TakeInteger, LeavesWhatFollows) {
  std::string_view text = "12d6h";
  EXPECT_EQ(take_integer<int>(text), 12);
  EXPECT_EQ(text, "d6h");
  EXPECT_EQ(take_integer<int>(text), std::nullopt);
  EXPECT_EQ(text, "d6h");
  text.remove_prefix(1);
  EXPECT_EQ(take_integer<int>(text), 6);
  EXPECT_EQ(text, "h");
}

TEST(TakeInteger, LeavesOneThatIsTooLarge) {
  std::string_view text = "300 and more";
  EXPECT_EQ(take_integer<std::uint8_t>(text), std::nullopt);
  EXPECT_EQ(text, "300 and more");
  EXPECT_EQ(take_integer<std::int16_t>(text), 300);
  EXPECT_EQ(text, " and more");
}

TEST(ParseNumber, TakesDecimalNumbers) {
  EXPECT_EQ(parse_number("1"), 1.0);
  EXPECT_EQ(parse_number("-.5"), -0.5);
  EXPECT_EQ(parse_number("1."), 1.0);
  EXPECT_EQ(parse_number("1.e3"), 1000.0);
  EXPECT_EQ(parse_number("2.2250738585072011e-308"), 2.2250738585072011e-308);
  EXPECT_EQ(parse_number("1.7976931348623157e308"), std::numeric_limits<double>::max());
}

TEST(ParseNumber, RefusesEverythingElse) {
  for (const auto* text :
       {"", "+1", " 1", "1 ", "1e", ".", "inf", "-inf", "nan", "infinity", "0x1p3", "1e400", "1e-400", "1,5"})
    EXPECT_EQ(parse_number(text), std::nullopt) << text;
}

}  // namespace
}  // namespace sluice
