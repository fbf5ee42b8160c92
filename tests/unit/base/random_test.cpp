#include "sluice/base/random.hpp"

#include <algorithm>
#include <array>
#include <set>

#include <gtest/gtest.h>

namespace sluice {
namespace {

Time at(std::int64_t milliseconds) { return Time(Milliseconds(milliseconds)); }

TEST(SeededRandom, GivesTheSequenceOfSplitMix64) {
  SeededRandom random(1234567);
  EXPECT_EQ(random.next(), 6457827717110365317U);
  EXPECT_EQ(random.next(), 3203168211198807973U);
  EXPECT_EQ(random.next(), 9817491932198370423U);
}

TEST(SeededRandom, IsTheSameForTheSameSeedOnly) {
  SeededRandom one(7);
  SeededRandom same(7);
  SeededRandom other(8);
  const auto first = one.next();
  EXPECT_EQ(first, same.next());
  EXPECT_NE(first, other.next());
}

TEST(SeededRandom, StaysBelowItsBoundAndReachesAllOfIt) {
  SeededRandom random(7);
  std::array<int, 6> seen{};
  for (int i = 0; i < 6'000; ++i) ++seen.at(random.below(6));
  for (const auto count : seen) {
    EXPECT_GT(count, 800);
    EXPECT_LT(count, 1200);
  }
  EXPECT_EQ(random.below(1), 0U);
}

TEST(SeededRandom, UnitIsFromZeroToBelowOne) {
  SeededRandom random(7);
  for (int i = 0; i < 1'000; ++i) {
    const auto number = random.unit();
    ASSERT_GE(number, 0);
    ASSERT_LT(number, 1);
  }
}

TEST(Ulids, SortByTime) {
  SystemRandom random;
  std::vector<std::string> ids;
  for (const std::int64_t milliseconds :
       {0LL, 1LL, 31LL, 32LL, 1'023LL, 1'024LL, 1'764'000'000'000LL, 1'764'000'000'001LL})
    ids.push_back(new_ulid(at(milliseconds), random));
  EXPECT_TRUE(std::ranges::is_sorted(ids));
}

TEST(Ulids, AreTwentySixCharactersWithoutThoseThatLookAlike) {
  SystemRandom random;
  for (int i = 0; i < 200; ++i) {
    const auto id = new_ulid(at(1'764'000'000'000), random);
    EXPECT_EQ(id.size(), 26U);
    EXPECT_EQ(id.find_first_not_of("0123456789abcdefghjkmnpqrstvwxyz"), std::string::npos) << id;
  }
}

TEST(Ulids, OfOneMillisecondDiffer) {
  SystemRandom random;
  std::set<std::string> ids;
  for (int i = 0; i < 1'000; ++i) ids.insert(new_ulid(at(5), random));
  EXPECT_EQ(ids.size(), 1'000U);
}

TEST(Ulids, BeginWithTheirTime) {
  SeededRandom random(7);
  EXPECT_EQ(new_ulid(at(1'469'918'176'385), random).substr(0, 10),
            "01aryz6s41");  // the example of the ULID specification
}

TEST(Times, AreWrittenInIso8601) {
  EXPECT_EQ(to_iso8601(at(0)), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(to_iso8601(at(1'469'918'176'385)), "2016-07-30T22:36:16.385Z");
  EXPECT_EQ(to_iso8601(at(-1)), "1969-12-31T23:59:59.999Z");
}

TEST(Ulid, CanBeDerived) {
  const auto id = derived_ulid(at(1'700'000'000'000), Digest::of("a"));
  EXPECT_EQ(id, derived_ulid(at(1'700'000'000'000), Digest::of("a")));
  EXPECT_EQ(id.size(), 26U);
  SeededRandom random(7);
  EXPECT_EQ(id.substr(0, 10), new_ulid(at(1'700'000'000'000), random).substr(0, 10))
      << "it begins with the time";
  EXPECT_NE(id, derived_ulid(at(1'700'000'000'000), Digest::of("b")));
  EXPECT_NE(id, derived_ulid(at(1'700'000'000'001), Digest::of("a")));
}

}  // namespace
}  // namespace sluice
