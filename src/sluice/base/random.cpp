#include "sluice/base/random.hpp"

#include <sys/random.h>

#include "sluice/base/result.hpp"

namespace sluice {

std::uint64_t SystemRandom::next() {
  std::uint64_t value = 0;
  SLUICE_CHECK(getrandom(&value, sizeof value, 0) == static_cast<ssize_t>(sizeof value));
  return value;
}

// SplitMix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
std::uint64_t SeededRandom::next() {
  std::uint64_t z = (state_ += 0x9e3779b97f4a7c15U);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31);
}

std::uint64_t SeededRandom::below(std::uint64_t bound) {
  // Rejection keeps every value equally likely.
  const std::uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
  for (;;)
    if (const auto value = next(); value < limit) return value % bound;
}

double SeededRandom::unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

std::string new_ulid(Time now, Random& random) {
  constexpr char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";
  std::string text(26, '0');
  auto milliseconds = static_cast<std::uint64_t>(now.time_since_epoch().count());
  for (int i = 9; i >= 0; --i, milliseconds >>= 5)
    text[static_cast<std::size_t>(i)] = alphabet[milliseconds & 31];
  for (std::size_t half = 0; half < 2; ++half) {
    auto bits = random.next();
    for (std::size_t i = 0; i < 8; ++i, bits >>= 5) text[10 + half * 8 + i] = alphabet[bits & 31];
  }
  return text;
}

}  // namespace sluice
