#include "sluice/domain/schedules/timeline.hpp"

namespace sluice::schedules {

void Timeline::put(const ScheduleId& id, std::optional<Time> at) {
  if (const auto known = time_of_.find(id); known != time_of_.end()) {
    times_.erase({known->second, id});
    time_of_.erase(known);
  }
  if (!at) return;
  time_of_.emplace(id, *at);
  if (*at != Time::max()) times_.emplace(*at, id);
}

void Timeline::set(const ScheduleId& id, std::optional<Time> at) {
  if (const auto taken = taken_.find(id); taken != taken_.end())
    taken->second = {.touched = true, .at = at};
  else
    put(id, at);
}

void Timeline::run_ended(const ScheduleId& id, Time now) {
  if (const auto taken = taken_.find(id); taken != taken_.end())
    taken->second.ended = now;
  else if (const auto known = time_of_.find(id); known != time_of_.end() && known->second == Time::max())
    put(id, now);
}

std::optional<Time> Timeline::earliest() const {
  return times_.empty() ? std::nullopt : std::optional(times_.begin()->first);
}

std::optional<ScheduleId> Timeline::take(Time now) {
  if (times_.empty() || times_.begin()->first > now) return std::nullopt;
  auto id = times_.begin()->second;
  put(id, std::nullopt);
  taken_.emplace(id, Taken{});
  return id;
}

void Timeline::release(const ScheduleId& id, std::optional<Time> at, bool waits_for_end) {
  const auto taken = taken_.extract(id).mapped();
  if (taken.touched)
    put(id, taken.at);
  else if (waits_for_end)
    put(id, taken.ended.value_or(Time::max()));
  else
    put(id, at);
}

}  // namespace sluice::schedules
