// The next instants of many expressions, as another implementation computes them (tests/record/croniter.py).
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "places.hpp"
#include "result_assertions.hpp"
#include "sluice/base/json.hpp"
#include "sluice/domain/schedules/cron.hpp"

namespace sluice::schedules {
namespace {

using test::value_of;

struct Asked {
  std::string cron;
  std::string zone;
  std::int64_t after = 0;
};

/// "CRON | ZONE | AFTER"
Asked asked_by(const std::string& text) {
  const auto first = text.find(" | ");
  const auto second = text.find(" | ", first + 3);
  return {.cron = text.substr(0, first),
          .zone = text.substr(first + 3, second - first - 3),
          .after = std::stoll(text.substr(second + 3))};
}

TEST(Croniter, HasTheSameInstants) {
  std::ifstream file(test::source("tests/golden/recorded/croniter/next.json"));
  std::stringstream text;
  text << file.rdbuf();
  const auto recorded = value_of(parse_json(text.str(), "next.json"));
  ASSERT_GT(recorded.if_struct()->size(), 1'000U);
  for (const auto& [key, instants] : *recorded.if_struct()) {
    const auto asked = asked_by(key);
    const auto cron = value_of(Cron::parse(asked.cron));
    const auto zone = value_of(TimeZone::find(asked.zone));
    Time time{std::chrono::seconds(asked.after)};
    std::string ours;
    for (int i = 0; i < 4; ++i) {
      const auto next = cron.next(time, zone);
      ASSERT_TRUE(next) << key;
      time = *next;
      ours += (ours.empty() ? "" : " ") + std::to_string(time.time_since_epoch().count() / 1'000);
    }
    EXPECT_EQ(ours, *instants.if_string()) << key;
  }
}

}  // namespace
}  // namespace sluice::schedules
