#pragma once
#include <algorithm>
#include <chrono>
#include <cstdint>

namespace sluice::supervisor {

/// No machine of today writes a file faster.
inline constexpr std::uint64_t log_bytes_per_ms = std::uint64_t{4} << 20;

/// How long a log of `bytes` need not be looked at: until it could be over its bound, however fast its task
/// prints. So what is written beyond is what is printed in about a millisecond. A limit on the size of files
/// would be exact, but holds for whatever a task writes; and a pipe through us would make us wait for disks.
inline std::chrono::milliseconds log_patience(std::uint64_t bytes, std::uint64_t bytes_max) {
  constexpr std::uint64_t patience_max = 50;  // a quiet log of a large bound
  const auto left = bytes < bytes_max ? bytes_max - bytes : 0;
  return std::chrono::milliseconds(std::clamp<std::uint64_t>(left / log_bytes_per_ms, 1, patience_max));
}

}  // namespace sluice::supervisor
