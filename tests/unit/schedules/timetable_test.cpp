#include "sluice/domain/schedules/timetable.hpp"

#include <gtest/gtest.h>

#include "result_assertions.hpp"
#include "times.hpp"

namespace sluice::schedules {
namespace {

using test::at;
using test::message_of;
using test::value_of;

const Time created = at("2026-11-30T10:00:30Z");

Timetable table(const ports::ScheduleTiming& timing) { return value_of(Timetable::make(timing, created)); }
std::string problem(const ports::ScheduleTiming& timing) {
  return message_of(Timetable::make(timing, created));
}

TEST(Timetable, CountsIntervalsFromTheStartOrFromTheCreation) {
  const auto hourly = table({.interval = std::chrono::hours(1)});
  EXPECT_EQ(hourly.first(), at("2026-11-30T11:00:30Z"));
  EXPECT_EQ(hourly.next(at("2026-11-30T11:00:30Z")), at("2026-11-30T12:00:30Z"));
  EXPECT_EQ(hourly.next(at("2026-11-30T11:10:00Z")), at("2026-11-30T12:00:30Z"));
  const auto later = table({.interval = std::chrono::hours(1), .start = at("2026-12-01T00:00Z")});
  EXPECT_EQ(later.first(), at("2026-12-01T01:00Z"));
}

TEST(Timetable, HasNoInstantOutsideOfItsStartAndEnd) {
  const auto some =
      table({.cron = "0 * * * *", .start = at("2026-12-01T01:00Z"), .end = at("2026-12-01T03:00Z")});
  EXPECT_EQ(some.first(), at("2026-12-01T02:00Z"));
  EXPECT_EQ(some.next(at("2026-12-01T02:00Z")), at("2026-12-01T03:00Z"));
  EXPECT_EQ(some.next(at("2026-12-01T03:00Z")), std::nullopt);
  EXPECT_EQ(some.step(at("2026-12-01T03:00Z"), at("2027-01-01T00:00Z")).instant, std::nullopt);
}

TEST(Timetable, RunsEachInstantThatWasMissedInOrder) {
  const auto hourly = table({.cron = "0 * * * *"});
  const auto now = at("2026-11-30T13:30Z");
  std::optional<Time> last;
  for (const auto* expected : {"2026-11-30T11:00Z", "2026-11-30T12:00Z", "2026-11-30T13:00Z"}) {
    const auto step = hourly.step(last, now);
    ASSERT_EQ(step.instant, at(expected));
    EXPECT_EQ(step.next, at(expected) + std::chrono::hours(1));
    EXPECT_FALSE(step.skips);
    last = step.instant;
  }
  const auto none = hourly.step(last, now);
  EXPECT_EQ(none.instant, std::nullopt);
  EXPECT_EQ(none.next, at("2026-11-30T14:00Z"));
}

TEST(Timetable, IsNotDueBeforeItsInstantOrAfterTheClockWasPutBack) {
  const auto hourly = table({.cron = "0 * * * *"});
  EXPECT_EQ(hourly.step({}, at("2026-11-30T10:59:59.999Z")).instant, std::nullopt);
  EXPECT_EQ(hourly.step({}, at("2026-11-30T11:00Z")).instant, at("2026-11-30T11:00Z"));
  EXPECT_EQ(hourly.step(at("2026-11-30T11:00Z"), at("2026-11-30T09:00Z")).instant, std::nullopt);
}

TEST(Timetable, RunsTheLatestAloneWithoutCatchingUp) {
  const auto hourly = table({.cron = "0 * * * *", .catch_up = false});
  const auto step = hourly.step({}, at("2026-12-03T13:30Z"));
  EXPECT_EQ(step.instant, at("2026-12-03T13:00Z"));
  EXPECT_EQ(step.next, at("2026-12-03T14:00Z"));
  EXPECT_FALSE(step.skips) << "that is what was asked for";
  EXPECT_EQ(hourly.step(at("2026-12-03T12:00Z"), at("2026-12-03T13:30Z")).instant, at("2026-12-03T13:00Z"));
  const auto ended =
      table({.interval = std::chrono::seconds(7), .end = at("2026-12-01T00:00Z"), .catch_up = false});
  EXPECT_EQ(ended.step({}, at("2027-11-30T00:00Z")).instant, at("2026-11-30T23:59:55Z"));
  EXPECT_EQ(ended.step({}, at("2027-11-30T00:00Z")).next, std::nullopt);
}

TEST(Timetable, SkipsWhatItCannotCatchUpOn) {
  const auto second = table({.cron = "* * * * * *"});
  const auto now = at("2036-11-30T10:00:00Z");
  const auto step = second.step({}, now);
  EXPECT_TRUE(step.skips);
  EXPECT_EQ(step.instant, now - std::chrono::seconds(Timetable::caught_up_max - 1));
  const auto last = *step.instant - std::chrono::seconds(1);
  EXPECT_EQ(second.step(last, now).instant, step.instant);
  EXPECT_FALSE(second.step(last, now).skips);
}

TEST(Timetable, NamesTheFieldThatIsWrong) {
  EXPECT_EQ(problem({}),
            "a schedule needs a cron expression or an interval, and not both; an interval of zero is none");
  EXPECT_EQ(problem({.cron = "@daily", .interval = std::chrono::hours(1)}), problem({}));
  EXPECT_EQ(problem({.interval = Milliseconds(999)}),
            "interval: 999ms is not between a second and a hundred years");
  EXPECT_EQ(problem({.interval = Milliseconds(-1)}).substr(0, 9), "interval:");
  EXPECT_EQ(problem({.cron = "61 * * * *"}), "cron: `61` is not a valid minute: it is from 0 to 59");
  EXPECT_EQ(problem({.cron = "@daily", .time_zone = "Mars"}),
            "time_zone: there is no time zone `Mars`; write a name such as `Europe/Berlin` or `UTC`");
  EXPECT_EQ(problem({.cron = "@daily", .max_concurrency = 0}), "max_concurrency: 0 is not between 1 and 100");
  EXPECT_EQ(problem({.cron = "@daily", .start = created, .end = created}),
            "end: 2026-11-30T10:00:30.000Z is not after the start, 2026-11-30T10:00:30.000Z");
}

}  // namespace
}  // namespace sluice::schedules
