#include "sluice/domain/schedules/cron.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "result_assertions.hpp"
#include "times.hpp"

namespace sluice::schedules {
namespace {

using test::at;
using test::message_of;
using test::value_of;

/// The first `count` instants after a time, without their milliseconds, which are none.
std::vector<std::string> next_of(std::string_view cron, std::string_view after, std::size_t count = 3,
                                 const std::string& zone_name = "UTC") {
  const auto parsed = value_of(Cron::parse(cron));
  const auto zone = value_of(TimeZone::find(zone_name));
  std::vector<std::string> out;
  auto time = at(after);
  while (out.size() < count) {
    const auto next = parsed.next(time, zone);
    if (!next) break;
    EXPECT_GT(*next, time);
    time = *next;
    const auto text = to_iso8601(time);
    EXPECT_TRUE(text.ends_with(".000Z"));
    out.push_back(text.substr(0, text.size() - 5));
  }
  return out;
}

using Times = std::vector<std::string>;

TEST(Cron, HasFiveFieldsAsPeopleKnowThemOrSixWithTheSecondBeforeThem) {
  EXPECT_EQ(next_of("30 7 * * mon-fri", "2026-11-27T08:00Z"),
            (Times{"2026-11-30T07:30:00", "2026-12-01T07:30:00", "2026-12-02T07:30:00"}));
  EXPECT_EQ(next_of("*/20 30 7 * * 1-5", "2026-11-30T07:30:20Z"),
            (Times{"2026-11-30T07:30:40", "2026-12-01T07:30:00", "2026-12-01T07:30:20"}));
  EXPECT_EQ(next_of("  0   0  1 jan,JUL\t? ", "2026-11-27T08:00Z", 2),
            (Times{"2027-01-01T00:00:00", "2027-07-01T00:00:00"}));
  EXPECT_EQ(next_of("50/5 59 23 31 12 *", "2026-11-27T08:00Z", 3),
            (Times{"2026-12-31T23:59:50", "2026-12-31T23:59:55", "2027-12-31T23:59:50"}));
  EXPECT_EQ(next_of("* * * * *", "2026-11-27T08:00:00.001Z", 1), (Times{"2026-11-27T08:01:00"}));
}

TEST(Cron, HasNames) {
  EXPECT_EQ(next_of("@hourly", "2026-11-27T08:00Z", 1), (Times{"2026-11-27T09:00:00"}));
  EXPECT_EQ(next_of("@daily", "2026-11-27T08:00Z", 1), next_of("0 0 * * *", "2026-11-27T08:00Z", 1));
  EXPECT_EQ(next_of("@Midnight", "2026-11-27T08:00Z", 1), (Times{"2026-11-28T00:00:00"}));
  EXPECT_EQ(next_of("@weekly", "2026-11-27T08:00Z", 1), (Times{"2026-11-29T00:00:00"}));
  EXPECT_EQ(next_of("@monthly", "2026-11-27T08:00Z", 1), (Times{"2026-12-01T00:00:00"}));
  EXPECT_EQ(next_of("@yearly", "2026-11-27T08:00Z", 1), next_of("@annually", "2026-11-27T08:00Z", 1));
}

TEST(Cron, MatchesEitherDayUnlessOneOfThemBeginsWithAStar) {
  EXPECT_EQ(
      next_of("0 0 13 * fri", "2026-11-01T00:00Z", 4),
      (Times{"2026-11-06T00:00:00", "2026-11-13T00:00:00", "2026-11-20T00:00:00", "2026-11-27T00:00:00"}));
  EXPECT_EQ(next_of("0 0 13 * *", "2026-11-01T00:00Z", 2),
            (Times{"2026-11-13T00:00:00", "2026-12-13T00:00:00"}));
  // Odd days that are Fridays, as in Kubeflow's.
  EXPECT_EQ(next_of("0 0 */2 * fri", "2026-11-01T00:00Z", 2),
            (Times{"2026-11-13T00:00:00", "2026-11-27T00:00:00"}));
  EXPECT_EQ(next_of("0 0 * * 7", "2026-11-27T08:00Z", 1), next_of("0 0 * * 0", "2026-11-27T08:00Z", 1));
  EXPECT_EQ(next_of("0 0 * * 5-7", "2026-11-27T08:00Z", 3),
            (Times{"2026-11-28T00:00:00", "2026-11-29T00:00:00", "2026-12-04T00:00:00"}));
}

TEST(Cron, FindsWhatIsRare) {
  EXPECT_EQ(next_of("0 0 29 2 *", "2096-03-01T00:00Z", 1), (Times{"2104-02-29T00:00:00"}));
  EXPECT_EQ(next_of("0 0 29 2 */3", "2096-03-01T00:00Z", 1), (Times{"2108-02-29T00:00:00"}));
}

TEST(Cron, IsDueAfterTheHourThatIsLeftOutWhenClocksArePutForward) {
  EXPECT_EQ(next_of("30 2 * * *", "2026-03-28T00:00Z", 3, "Europe/Berlin"),
            (Times{"2026-03-28T01:30:00", "2026-03-29T01:00:00", "2026-03-30T00:30:00"}));
  // One run, though three of these times are left out.
  EXPECT_EQ(next_of("0,20,40 2 * * *", "2026-03-28T02:00Z", 2, "Europe/Berlin"),
            (Times{"2026-03-29T01:00:00", "2026-03-30T00:00:00"}));
  EXPECT_EQ(next_of("0 3 * * *", "2026-03-28T12:00Z", 2, "Europe/Berlin"),
            (Times{"2026-03-29T01:00:00", "2026-03-30T01:00:00"}));
  EXPECT_EQ(next_of("0 2,3 * * *", "2026-03-28T12:00Z", 2, "Europe/Berlin"),
            (Times{"2026-03-29T01:00:00", "2026-03-30T00:00:00"}));
}

TEST(Cron, IsDueTheFirstTimeInTheHourThatComesTwice) {
  EXPECT_EQ(next_of("30 2 * * *", "2026-10-24T12:00Z", 2, "Europe/Berlin"),
            (Times{"2026-10-25T00:30:00", "2026-10-26T01:30:00"}));
  EXPECT_EQ(next_of("30 2 * * *", "2026-10-25T00:30Z", 1, "Europe/Berlin"), (Times{"2026-10-26T01:30:00"}));
  EXPECT_EQ(next_of("0 3 * * *", "2026-10-24T12:00Z", 1, "Europe/Berlin"), (Times{"2026-10-25T02:00:00"}));
}

TEST(Cron, GoesByTheTimeThatPassesIfItIsDueInEveryHour) {
  EXPECT_EQ(next_of("30 * * * *", "2026-03-29T00:00Z", 3, "Europe/Berlin"),
            (Times{"2026-03-29T00:30:00", "2026-03-29T01:30:00", "2026-03-29T02:30:00"}));
  EXPECT_EQ(
      next_of("0,30 * * * *", "2026-10-25T00:00Z", 4, "Europe/Berlin"),
      (Times{"2026-10-25T00:30:00", "2026-10-25T01:00:00", "2026-10-25T01:30:00", "2026-10-25T02:00:00"}));
}

TEST(Cron, KnowsZonesWithUnusualOffsets) {
  EXPECT_EQ(next_of("0 0 * * *", "2026-11-27T12:00Z", 1, "Asia/Kolkata"), (Times{"2026-11-27T18:30:00"}));
  // Half an hour is left out.
  EXPECT_EQ(next_of("15 2 * * *", "2026-10-03T00:00Z", 2, "Australia/Lord_Howe"),
            (Times{"2026-10-03T15:30:00", "2026-10-04T15:15:00"}));
  // A whole day was left out: 2011-12-30.
  EXPECT_EQ(next_of("0 12 30 12 *", "2011-12-01T00:00Z", 1, "Pacific/Apia"), (Times{"2011-12-30T10:00:00"}));
}

TEST(Cron, NamesTheFieldThatIsWrong) {
  const auto problem = [](std::string_view text) { return message_of(Cron::parse(text)); };
  EXPECT_EQ(
      problem("* * * *"),
      "a cron expression has five fields, or six with the second before them, not 4; `30 7 * * mon-fri` is "
      "every working day at 7:30");
  EXPECT_EQ(
      problem(""),
      "a cron expression has five fields, or six with the second before them, not 0; `30 7 * * mon-fri` is "
      "every working day at 7:30");
  EXPECT_EQ(problem("60 * * * *"), "`60` is not a valid minute: it is from 0 to 59");
  EXPECT_EQ(problem("* 24 * * *"), "`24` is not a valid hour: it is from 0 to 23");
  EXPECT_EQ(problem("* * 0 * *"), "`0` is not a valid day of the month: it is from 1 to 31");
  EXPECT_EQ(problem("* * * foo *"),
            "`foo` is not a valid month: `foo` is neither a number nor a name such as `dec`");
  EXPECT_EQ(problem("x * * * *"), "`x` is not a valid minute: `x` is not a number");
  EXPECT_EQ(problem("* * * * 8"), "`8` is not a valid day of the week: it is from 0 to 7");
  EXPECT_EQ(problem("* * * * fri-mon"),
            "`fri-mon` is not a valid day of the week: its range ends before it begins");
  EXPECT_EQ(problem("*/0 * * * *"), "`*/0` is not a valid minute: after `/` comes a number from 1 on");
  EXPECT_EQ(problem("*/ * * * *"), "`*/` is not a valid minute: after `/` comes a number from 1 on");
  EXPECT_EQ(problem("1,,2 * * * *"), "the minute has an empty part");
  EXPECT_EQ(problem("@dayly"), "`@dayly` is not a name of a cron expression; did you mean `@daily`?");
  EXPECT_EQ(problem("@reboot"),
            "`@reboot` is not a name of a cron expression; there are @hourly, @daily, @weekly, @monthly and "
            "@yearly");
  EXPECT_EQ(problem("0 0 30 2 *"), "it never occurs: no month that it names has such a day");
  EXPECT_EQ(problem(std::string(1'001, '*')), "the cron expression is longer than 1,000 characters");
}

TEST(TimeZone, NamesTheNearest) {
  EXPECT_EQ(message_of(TimeZone::find("Europa/Berlin")),
            "there is no time zone `Europa/Berlin`; did you mean `Europe/Berlin`?");
  for (const std::string bad : {"", "../../etc/passwd", "/etc/localtime", "file:x", "localtime"})
    EXPECT_EQ(message_of(TimeZone::find(bad)),
              "there is no time zone `" + bad + "`; write a name such as `Europe/Berlin` or `UTC`");
}

TEST(TimeZone, SaysWhenAnOffsetBeginsAndEnds) {
  const auto zone = value_of(TimeZone::find("Europe/Berlin"));
  const auto summer = zone.period_of(at("2026-07-01T00:00Z"));
  EXPECT_EQ(summer.offset, std::chrono::hours(2));
  EXPECT_EQ(to_iso8601(summer.begin), "2026-03-29T01:00:00.000Z");
  EXPECT_EQ(to_iso8601(summer.end), "2026-10-25T01:00:00.000Z");
  const auto winter = zone.period_of(summer.end);
  EXPECT_EQ(winter.offset, std::chrono::hours(1));
  EXPECT_EQ(winter.begin, summer.end);
  EXPECT_EQ(zone.period_of(summer.end - Milliseconds(1)).begin, summer.begin);
  const auto utc = value_of(TimeZone::find("UTC")).period_of(summer.begin);
  EXPECT_EQ(utc.begin, Time::min());
  EXPECT_EQ(utc.end, Time::max());
}

}  // namespace
}  // namespace sluice::schedules
