#pragma once
#include <cstdint>
#include <string>

#include "sluice/base/clock.hpp"
#include "sluice/base/digest.hpp"

namespace sluice {

/// The one source of randomness.
class Random {
 public:
  virtual ~Random() = default;
  virtual std::uint64_t next() = 0;
};

/// The kernel's generator: ids, tokens, fences. Thread-safe.
class SystemRandom final : public Random {
 public:
  std::uint64_t next() override;
};

/// A small seeded generator (SplitMix64) with the same sequence on every machine: for splits and simulations.
/// Not thread-safe.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() override;
  /// Uniform in [0, bound); bound > 0.
  std::uint64_t below(std::uint64_t bound);
  /// Uniform in [0, 1).
  double unit();

 private:
  std::uint64_t state_;
};

/// 26 characters of Crockford base 32 (lower case): 48 bits of milliseconds, then 80 random bits. Sorts by
/// time.
std::string new_ulid(Time now, Random& random);
/// An id of the same form that is always the same: from a time that is not before 1970, and 80 bits of the
/// digest.
std::string derived_ulid(Time time, const Digest& digest);

}  // namespace sluice
