#pragma once
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <type_traits>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <unistd.h>

#include "sluice/base/clock.hpp"
#include "sluice/base/result.hpp"

namespace sluice::bench {

/// Returns the value; on an error, prints it and exits.
template <typename T>
T good(Result<T> result) {
  if constexpr (std::is_void_v<T>) {
    if (result) return;
  } else {
    if (result) return std::move(*result);
  }
  fmt::print(stderr, "bench: {}\n", result.error().message);
  std::exit(1);
}

/// Seconds by the steady clock.
inline double now() {
  static const SystemClock clock;
  return std::chrono::duration<double>(clock.steady()).count();
}

/// A quantile of `values`, which it reorders; zero if there are none.
inline double quantile(std::vector<double>& values, double share) {
  if (values.empty()) return 0;
  const auto at =
      values.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::ranges::nth_element(values, at);
  return *at;
}

inline std::int64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::int64_t total = 0;
  std::int64_t resident = 0;
  file >> total >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

}  // namespace sluice::bench
