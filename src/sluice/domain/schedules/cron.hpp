#pragma once
#include <bitset>
#include <optional>
#include <string_view>

#include "sluice/base/clock.hpp"
#include "sluice/base/result.hpp"
#include "sluice/domain/schedules/time_zone.hpp"

namespace sluice::schedules {

/// An expression of cron: which seconds, in local time. `docs/schedules.md` says what may be written.
/// Immutable.
class Cron {
 public:
  static constexpr std::size_t bytes_max = 1'000;  ///< of an expression

  /// Five fields (minute, hour, day of the month, month, day of the week), six with the second before them,
  /// or a name such as `@daily`. Code::invalid_argument, which names the field, also for what never occurs.
  static Result<Cron> parse(std::string_view text);

  /// The first instant after this one; nullopt: there is none within a hundred years.
  /// When clocks are put forward, what falls into the hour that is left out is due when they have been. When
  /// they are put back, what falls into the hour that comes twice is due the first time. Of expressions that
  /// are due in every hour, neither is true: they go by the time that passes.
  [[nodiscard]] std::optional<Time> next(Time after, const TimeZone& zone) const;

  bool operator==(const Cron&) const = default;

 private:
  using Local = std::chrono::local_seconds;
  [[nodiscard]] bool is_day(std::chrono::year_month_day date) const;
  /// The first matching time of a day from this one on.
  [[nodiscard]] std::optional<std::chrono::seconds> time_from(std::chrono::seconds from) const;
  /// The first matching local time in [from, until).
  [[nodiscard]] std::optional<Local> first_in(Local from, Local until) const;

  std::bitset<60> seconds_;
  std::bitset<60> minutes_;
  std::bitset<24> hours_;
  std::bitset<32> days_;
  std::bitset<13> months_;
  std::bitset<7> weekdays_;   ///< from Sunday
  bool any_day_ = false;      ///< the field begins with `*`: both fields of days have to match …
  bool any_weekday_ = false;  ///< … otherwise one of them
};

}  // namespace sluice::schedules
