#pragma once
#include <memory>
#include <string>

#include "sluice/base/clock.hpp"
#include "sluice/base/result.hpp"

namespace sluice::schedules {

/// A time zone of the system's database: how far its clocks are ahead of UTC, and when. Immutable.
class TimeZone {
 public:
  /// "UTC", "Europe/Berlin". Code::invalid_argument, with the nearest name, if there is none.
  static Result<TimeZone> find(const std::string& name);
  ~TimeZone();
  TimeZone(const TimeZone&);
  TimeZone& operator=(const TimeZone&);

  /// A time span with one offset.
  struct Period {
    std::chrono::seconds offset{0};  ///< local time less UTC
    Time begin = Time::min();
    Time end = Time::max();  ///< the first instant after it
  };
  /// The one that holds the instant.
  [[nodiscard]] Period period_of(Time instant) const;

 private:
  struct Impl;
  explicit TimeZone(std::shared_ptr<const Impl> impl);
  std::shared_ptr<const Impl> impl_;
};

}  // namespace sluice::schedules
