#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

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
/// The inverse, for what people write too: "2026-11-24T08:48Z", "2026-11-24 09:48:56.5+01:00". An offset or
/// `Z` is required, seconds are not; nullopt for anything else, and for a year before 1970 or after 9999.
std::optional<Time> parse_iso8601(std::string_view text);

}  // namespace sluice
