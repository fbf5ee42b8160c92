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

namespace {

/// The time, and twice the lowest 40 bits.
std::string ulid_of(Time time, std::uint64_t first, std::uint64_t second) {
  constexpr char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";
  std::string text(26, '0');
  auto milliseconds = static_cast<std::uint64_t>(time.time_since_epoch().count());
  for (int i = 9; i >= 0; --i, milliseconds >>= 5)
    text[static_cast<std::size_t>(i)] = alphabet[milliseconds & 31];
  std::size_t at = 10;
  for (auto bits : {first, second})
    for (std::size_t i = 0; i < 8; ++i, bits >>= 5) text[at++] = alphabet[bits & 31];
  return text;
}

}  // namespace

std::string new_ulid(Time now, Random& random) {
  const auto first = random.next();
  return ulid_of(now, first, random.next());
}

std::string derived_ulid(Time time, const Digest& digest) {
  const auto bits_at = [&](std::size_t begin) {
    std::uint64_t bits = 0;
    for (std::size_t i = begin; i < begin + 5; ++i)
      bits = bits << 8 | static_cast<std::uint8_t>(digest.bytes.at(i));
    return bits;
  };
  return ulid_of(time, bits_at(0), bits_at(5));
}

}  // namespace sluice
