#pragma once
#include <algorithm>
#include <chrono>
#include <cstdint>

namespace sluice::supervisor {

/// An upper bound on how fast a task can write its log.
inline constexpr std::uint64_t log_bytes_per_ms = std::uint64_t{4} << 20;

/// How long a log of `bytes` need not be checked: until it could exceed its limit, however fast its task
/// prints. So the excess is what is printed in about a millisecond. A limit on the size of files
/// (RLIMIT_FSIZE) would be exact, but applies to every file that a task writes; and a pipe through the
/// supervisor would make it wait for disks.
inline std::chrono::milliseconds log_check_interval(std::uint64_t bytes, std::uint64_t bytes_max) {
  constexpr std::uint64_t interval_max = 50;  // for a quiet log with a large limit
  const auto left = bytes < bytes_max ? bytes_max - bytes : 0;
  return std::chrono::milliseconds(std::clamp<std::uint64_t>(left / log_bytes_per_ms, 1, interval_max));
}

}  // namespace sluice::supervisor
