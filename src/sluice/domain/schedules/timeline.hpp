#pragma once
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include "sluice/base/clock.hpp"
#include "sluice/base/ids.hpp"

namespace sluice::schedules {

/// Which schedule is to be looked at next, and when: one entry for each that has anything to wait for. While
/// one is taken, what happens to it is noted, so that whoever has taken it looks again. One thread at a time.
class Timeline {
 public:
  /// The schedule is to be looked at then; nullopt: never.
  void set(const ScheduleId& id, std::optional<Time> at);
  /// A run of it has ended: if it waits for that, or is taken, it is looked at at once.
  void run_ended(const ScheduleId& id, Time now);

  /// When `take` returns something; nullopt: not until something else happens.
  [[nodiscard]] std::optional<Time> earliest() const;
  /// The first schedule that is due; nobody else is given it until it is released.
  std::optional<ScheduleId> take(Time now);
  /// It was looked at, and is to be looked at again then, or once one of its runs has ended; whatever
  /// happened to it meanwhile comes first.
  void release(const ScheduleId& id, std::optional<Time> at, bool waits_for_end);

 private:
  struct Taken {
    bool touched = false;         ///< `set` was called meanwhile …
    std::optional<Time> at{};     ///< … with this
    std::optional<Time> ended{};  ///< a run ended meanwhile
  };
  void put(const ScheduleId& id, std::optional<Time> at);

  std::set<std::pair<Time, ScheduleId>> times_;
  std::unordered_map<ScheduleId, Time> time_of_;  ///< Time::max(): it waits for a run to end
  std::unordered_map<ScheduleId, Taken> taken_;
};

}  // namespace sluice::schedules
