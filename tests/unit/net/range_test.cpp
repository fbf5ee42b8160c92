#include "sluice/net/range.hpp"

#include <string>

#include <gtest/gtest.h>

namespace sluice::net {
namespace {

std::string range_of(std::string_view header, std::uint64_t size = 10) {
  const auto read = read_range(header, size);
  if (!read) return "unsatisfiable";
  return *read ? std::to_string((*read)->first) + "+" + std::to_string((*read)->size) : "whole";
}

TEST(Range, IsOneOfBytes) {
  EXPECT_EQ(range_of("bytes=0-0"), "0+1");
  EXPECT_EQ(range_of("bytes=2-5"), "2+4");
  EXPECT_EQ(range_of("Bytes=2-5"), "2+4");
  EXPECT_EQ(range_of("bytes=4-"), "4+6");
  EXPECT_EQ(range_of("bytes=4-99"), "4+6");
  EXPECT_EQ(range_of("bytes=9-18446744073709551615"), "9+1");
  EXPECT_EQ(range_of("bytes=-3"), "7+3");
  EXPECT_EQ(range_of("bytes=-99"), "0+10");
}

TEST(Range, BehindTheEndIsUnsatisfiable) {
  EXPECT_EQ(range_of("bytes=10-"), "unsatisfiable");
  EXPECT_EQ(range_of("bytes=10-20"), "unsatisfiable");
  EXPECT_EQ(range_of("bytes=-0"), "unsatisfiable");
  EXPECT_EQ(range_of("bytes=0-", 0), "unsatisfiable");
  EXPECT_EQ(range_of("bytes=-1", 0), "unsatisfiable");
}

TEST(Range, OfAnyOtherFormIsIgnored) {
  for (const auto* header : {"", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=5-2", "bytes=1-2,4-5",
                             "items=0-1", "bytes= 1-2", "bytes=1-2 ", "bytes=+1-2", "bytes=0x1-2",
                             "bytes=-1-2", "bytes=18446744073709551616-", "bytes=--1"})
    EXPECT_EQ(range_of(header), "whole") << header;
}

}  // namespace
}  // namespace sluice::net
