#pragma once
#include "sluice/base/random.hpp"
#include "violation.hpp"

namespace sluice::sim {

/// The random generator of a simulation, and which faults are enabled.
class Faults {
 public:
  explicit Faults(std::uint64_t seed) : random(seed) {}

  SeededRandom random;
  bool on = true;
  unsigned hanging_percent = 0;           ///< of attempts: they end only when they are cancelled or lost
  unsigned failing_percent = 0;           ///< of attempts
  unsigned lost_percent = 0;              ///< of attempts: they are lost although the supervisor lives
  std::uint64_t calls_between_kills = 0;  ///< on average; 0: the server is not killed in a call

  [[nodiscard]] bool chance(unsigned percent) { return random.below(100) < percent; }
  [[nodiscard]] Milliseconds pause(std::int64_t up_to_ms) {
    return Milliseconds(random.below(static_cast<std::uint64_t>(up_to_ms) + 1));
  }
  /// Called when a call of a port begins or returns: the server may be killed here.
  void at_port() {
    if (on && calls_between_kills > 0 && random.below(calls_between_kills) == 0) throw Killed{};
  }
};

}  // namespace sluice::sim
