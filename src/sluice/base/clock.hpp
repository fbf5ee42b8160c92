#pragma once
#include <chrono>
#include <cstdint>
#include <string>

namespace sluice {

/// Wall-clock time in whole milliseconds since 1970 (UTC): what events carry.
using Time = std::chrono::sys_time<std::chrono::milliseconds>;
using Milliseconds = std::chrono::milliseconds;

/// The one source of time. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual Time now() const = 0;
  /// Monotonic; for durations.
  [[nodiscard]] virtual std::chrono::nanoseconds steady() const = 0;
};

class SystemClock final : public Clock {
 public:
  [[nodiscard]] Time now() const override;
  [[nodiscard]] std::chrono::nanoseconds steady() const override;
};

/// 2026-11-24T08:48:56.123Z
std::string to_iso8601(Time time);

}  // namespace sluice
