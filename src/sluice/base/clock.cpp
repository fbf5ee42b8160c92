#include "sluice/base/clock.hpp"

#include <fmt/chrono.h>

namespace sluice {

Time SystemClock::now() const { return std::chrono::floor<Milliseconds>(std::chrono::system_clock::now()); }
std::chrono::nanoseconds SystemClock::steady() const {
  return std::chrono::steady_clock::now().time_since_epoch();
}

std::string to_iso8601(Time time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  const auto tm = fmt::gmtime(std::chrono::system_clock::to_time_t(seconds));
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", tm, (time - seconds).count());
}

}  // namespace sluice
