#pragma once
#include <optional>

#include "sluice/domain/schedules/cron.hpp"
#include "sluice/domain/schedules/time_zone.hpp"
#include "sluice/ports/schedules.hpp"

namespace sluice::schedules {

/// The instants of a schedule, and which of them has to have a run now. Immutable, and without a clock.
class Timetable {
 public:
  /// Of the instants that were missed, so many of the latest ones are caught up on; those before are skipped.
  static constexpr std::int64_t caught_up_max = 10'000;
  static constexpr std::int64_t concurrency_max = 100;
  static constexpr Milliseconds interval_min = std::chrono::seconds(1);
  static constexpr Milliseconds interval_max = std::chrono::days(36'500);

  /// `created`: intervals are counted from it if there is no start. Code::invalid_argument if there is no
  /// such timing; the message begins with the field that is wrong.
  static Result<Timetable> make(const ports::ScheduleTiming& timing, Time created);

  /// The first instant; nullopt: there is none.
  [[nodiscard]] std::optional<Time> first() const { return next(base_); }
  /// The first instant after this one.
  [[nodiscard]] std::optional<Time> next(Time after) const;

  struct Step {
    std::optional<Time> instant;  ///< has a run now; nullopt: none is due
    std::optional<Time> next;     ///< the instant after that one, perhaps of the past
    bool skips = false;           ///< instants before `instant` have no run, though the schedule catches up
  };
  /// What follows at the time `now`, after the latest instant that has had a run.
  [[nodiscard]] Step step(std::optional<Time> last, Time now) const;

 private:
  Timetable(const ports::ScheduleTiming& timing, const TimeZone& zone, const std::optional<Cron>& cron,
            Time base)
      : timing_(timing), zone_(zone), cron_(cron), base_(base) {}
  /// How many instants are in (after, until]; counts up to `most`.
  [[nodiscard]] std::int64_t count(Time after, Time until, std::int64_t most) const;
  /// Of the instants in (after, until], the first of the last `kept`; there are more of them.
  [[nodiscard]] Time first_of_last(Time after, Time until, std::int64_t kept) const;

  ports::ScheduleTiming timing_;
  TimeZone zone_;
  std::optional<Cron> cron_;
  Time base_;
};

}  // namespace sluice::schedules
