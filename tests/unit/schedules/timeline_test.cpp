#include "sluice/domain/schedules/timeline.hpp"

#include <gtest/gtest.h>

namespace sluice::schedules {
namespace {

Time at(std::int64_t seconds) { return Time(std::chrono::seconds(seconds)); }
const ScheduleId a{"a"};
const ScheduleId b{"b"};

TEST(Timeline, GivesWhatIsDueTheEarliestFirst) {
  Timeline line;
  EXPECT_FALSE(line.earliest());
  line.set(a, at(5));
  line.set(b, at(3));
  EXPECT_EQ(line.earliest(), at(3));
  EXPECT_FALSE(line.take(at(2)));
  EXPECT_EQ(line.take(at(9)), b);
  EXPECT_EQ(line.take(at(9)), a);
  EXPECT_FALSE(line.take(at(9))) << "both are taken";
  line.release(a, at(20), false);
  line.release(b, std::nullopt, false);
  EXPECT_EQ(line.earliest(), at(20));
  line.set(a, at(30));
  EXPECT_EQ(line.earliest(), at(30));
  line.set(a, std::nullopt);
  EXPECT_FALSE(line.earliest());
}

TEST(Timeline, RemembersWhatHappensWhileAScheduleIsTaken) {
  Timeline line;
  line.set(a, at(1));
  ASSERT_TRUE(line.take(at(1)));
  line.set(a, at(7));
  EXPECT_FALSE(line.earliest()) << "nobody else is given it";
  line.release(a, at(2), false);
  EXPECT_EQ(line.earliest(), at(7)) << "whoever changed it knows better";
  ASSERT_TRUE(line.take(at(7)));
  line.set(a, std::nullopt);
  line.release(a, at(8), false);
  EXPECT_FALSE(line.earliest()) << "it was removed";
}

TEST(Timeline, LooksAgainWhenARunHasEnded) {
  Timeline line;
  line.set(a, at(1));
  line.run_ended(a, at(0));
  EXPECT_EQ(line.earliest(), at(1)) << "it does not wait for that";
  ASSERT_TRUE(line.take(at(1)));
  line.release(a, std::nullopt, true);
  EXPECT_FALSE(line.earliest());
  line.run_ended(b, at(2));
  EXPECT_FALSE(line.earliest());
  line.run_ended(a, at(2));
  EXPECT_EQ(line.earliest(), at(2));
  ASSERT_TRUE(line.take(at(2)));
  line.run_ended(a, at(3));  // between the counting of its runs and the release
  line.release(a, std::nullopt, true);
  EXPECT_EQ(line.earliest(), at(3));
}

}  // namespace
}  // namespace sluice::schedules
