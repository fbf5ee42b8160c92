#include "sluice/domain/schedules/timetable.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "sluice/ir/duration.hpp"

namespace sluice::schedules {

Result<Timetable> Timetable::make(const ports::ScheduleTiming& timing, Time created) {
  if (timing.cron.empty() == (timing.interval == Milliseconds(0)))
    return Fail(user_error(
        Code::invalid_argument,
        "a schedule needs a cron expression or an interval, and not both; an interval of zero is none"));
  auto zone = TimeZone::find(timing.time_zone);
  if (!zone) return Fail(std::move(zone).error().at("time_zone"));
  std::optional<Cron> cron;
  if (!timing.cron.empty()) {
    auto parsed = Cron::parse(timing.cron);
    if (!parsed) return Fail(std::move(parsed).error().at("cron"));
    cron = *parsed;
  } else if (timing.interval < interval_min || timing.interval > interval_max) {
    return Fail(invalid_argument("interval", fmt::format("{} is not between a second and a hundred years",
                                                         ir::print_duration(timing.interval))));
  }
  if (timing.max_concurrency < 1 || timing.max_concurrency > concurrency_max)
    return Fail(invalid_argument("max_concurrency", fmt::format("{} is not between 1 and {}",
                                                                timing.max_concurrency, concurrency_max)));
  if (timing.start && timing.end && *timing.end <= *timing.start)
    return Fail(invalid_argument("end", fmt::format("{} is not after the start, {}", to_iso8601(*timing.end),
                                                    to_iso8601(*timing.start))));
  return Timetable(timing, *zone, cron, timing.start.value_or(created));
}

std::optional<Time> Timetable::next(Time after) const {
  after = std::max(after, base_);
  auto found = cron_ ? cron_->next(after, zone_)
                     : std::optional(base_ + ((after - base_) / timing_.interval + 1) * timing_.interval);
  return found && timing_.end && *found > *timing_.end ? std::nullopt : found;
}

Timetable::Step Timetable::step(std::optional<Time> last, Time now) const {
  const auto after = last.value_or(base_);
  const auto due = next(after);
  if (!due || *due > now) return {.instant = std::nullopt, .next = due};
  const auto kept = timing_.catch_up ? caught_up_max : 1;
  const bool skips = count(after, now, kept + 1) > kept;
  const auto instant = skips ? first_of_last(after, now, kept) : *due;
  return {.instant = instant, .next = next(instant), .skips = skips && timing_.catch_up};
}

std::int64_t Timetable::count(Time after, Time until, std::int64_t most) const {
  std::int64_t counted = 0;
  for (auto at = next(after); at && *at <= until && counted < most; at = next(*at)) ++counted;
  return counted;
}

Time Timetable::first_of_last(Time after, Time until, std::int64_t kept) const {
  auto few = until;  // after this come at most `kept`; after `after` come more
  while (few - after > Milliseconds(1)) {
    const auto middle = after + (few - after) / 2;
    (count(middle, until, kept + 1) > kept ? after : few) = middle;
  }
  return *next(few);
}

}  // namespace sluice::schedules
