#pragma once
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <vector>

#include <sys/types.h>

#include "sluice/os/tree.hpp"

namespace sluice::supervisor {

/// How fast the processes of a task together fill memory, as far as the interval below expects it.
inline constexpr std::uint64_t memory_bytes_per_ms = std::uint64_t{8} << 20;

/// How long a tree of `bytes` need not be measured: until it could exceed its limit. A check takes longer
/// than that of a log, so it is not made every millisecond: the excess is what is filled in a few.
inline std::chrono::milliseconds memory_check_interval(std::uint64_t bytes, std::uint64_t bytes_max) {
  constexpr std::uint64_t interval_min = 4;
  constexpr std::uint64_t interval_max = 100;  // for a small tree with a large limit
  const auto left = bytes < bytes_max ? bytes_max - bytes : 0;
  return std::chrono::milliseconds(
      std::clamp<std::uint64_t>(left / memory_bytes_per_ms, interval_min, interval_max));
}

/// The memory of these processes together; if it exceeds `bytes_max`, perhaps not all of it. What they share
/// is counted for each of them, which is cheap, unless that exceeds `bytes_max`: then it is counted once,
/// because a large process that forks uses no more than before.
inline std::uint64_t memory_of_tree(const std::vector<pid_t>& processes, std::uint64_t bytes_max) {
  std::uint64_t bytes = 0;
  for (const auto pid : processes) bytes += os::memory_of(pid, os::Shared::whole).value_or(0);
  if (bytes <= bytes_max || processes.size() < 2) return bytes;
  bytes = 0;
  for (const auto pid : processes) {
    auto part = os::memory_of(pid, os::Shared::part);
    if (!part) part = os::memory_of(pid, os::Shared::whole);
    bytes += part.value_or(0);
    if (bytes > bytes_max) break;
  }
  return bytes;
}

}  // namespace sluice::supervisor
