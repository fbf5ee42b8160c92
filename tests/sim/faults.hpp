#pragma once
#include "sluice/base/random.hpp"
#include "violation.hpp"

namespace sluice::sim {

/// Chance, and whether anything goes wrong at present.
class Faults {
 public:
  explicit Faults(std::uint64_t seed) : random(seed) {}

  SeededRandom random;
  bool on = true;
  unsigned hanging_percent = 0;           ///< of attempts: they end when they are cancelled or lost
  std::uint64_t calls_between_kills = 0;  ///< on average; 0: the server is not killed in a call

  [[nodiscard]] bool chance(unsigned percent) { return random.below(100) < percent; }
  [[nodiscard]] Milliseconds pause(std::int64_t up_to_ms) {
    return Milliseconds(random.below(static_cast<std::uint64_t>(up_to_ms) + 1));
  }
  /// A port is called, or returns: the server may die here.
  void at_port() {
    if (on && calls_between_kills > 0 && random.below(calls_between_kills) == 0) throw Killed{};
  }
};

}  // namespace sluice::sim
