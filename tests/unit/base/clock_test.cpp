#include "sluice/base/clock.hpp"

#include <gtest/gtest.h>

namespace sluice {
namespace {

std::string read(std::string_view text) {
  const auto time = parse_iso8601(text);
  return time ? to_iso8601(*time) : "no";
}

TEST(Iso8601, IsReadAsPeopleWriteIt) {
  EXPECT_EQ(read("2026-11-24T08:48:56.123Z"), "2026-11-24T08:48:56.123Z");
  EXPECT_EQ(read("2026-11-24T08:48Z"), "2026-11-24T08:48:00.000Z");
  EXPECT_EQ(read("2026-11-24 09:48:56.5+01:00"), "2026-11-24T08:48:56.500Z");
  EXPECT_EQ(read("2026-11-24t23:30:00.1239-02:30"), "2026-11-25T02:00:00.123Z");
  EXPECT_EQ(read("2024-02-29T00:00z"), "2024-02-29T00:00:00.000Z");
  EXPECT_EQ(read("1970-01-01T00:00Z"), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(read("9999-12-31T23:59:59Z"), "9999-12-31T23:59:59.000Z");
}

TEST(Iso8601, IsRefusedIfItIsNotATimeOfTheWorld) {
  for (const auto* text :
       {"", "2026-11-24", "2026-11-24T08:48", "2026-11-24T08Z", "2026-13-01T00:00Z", "2026-02-29T00:00Z",
        "2026-11-24T24:00Z", "2026-11-24T08:60Z", "2026-11-24T08:48:60Z", "2026-11-24T08:48:56.Z",
        "2026-11-24T08:48:56.1234567890Z", "2026-11-24T08:48+0100", "2026-11-24T08:48Zx", "26-11-24T08:48Z",
        "1970-01-01T00:00+01:00", "9999-12-31T23:59-00:01", "1969-12-31T23:59Z", "+2026-11-24T08:48Z", "now"})
    EXPECT_EQ(read(text), "no") << text;
}

}  // namespace
}  // namespace sluice
