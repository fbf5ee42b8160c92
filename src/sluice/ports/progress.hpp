#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "sluice/base/clock.hpp"

namespace sluice::ports {

/// What a task says about its work: `done` of `total` units. Never stored.
struct ProgressReport {
  std::int64_t done = 0;
  std::int64_t total = 0;  ///< 0: not known
  std::string unit;        ///< "pictures"; may be empty
  Time at{};               ///< when it said so
};

/// Receives reports; may be called at any time and from any thread, also after the work has ended.
using ReportProgress = std::function<void(std::int64_t done, std::int64_t total, std::string_view unit)>;

/// How far a task is.
struct Progress {
  std::int64_t done = 0;
  std::int64_t total = 0;  ///< 0: not known
  std::string unit = {};
  double rate = 0;  ///< units a second; 0: not known

  /// From 0 to 1; nullopt if the total is not known.
  [[nodiscard]] std::optional<double> share() const {
    if (total <= 0) return std::nullopt;
    return done >= total ? 1 : static_cast<double>(done) / static_cast<double>(total);
  }
  /// nullopt if the total or the rate is not known.
  [[nodiscard]] std::optional<double> seconds_left() const {
    if (total <= 0 || rate <= 0) return std::nullopt;
    return done >= total ? 0 : static_cast<double>(total - done) / rate;
  }
};

/// The rate is the mean between the first report of an attempt and its latest one.
inline Progress progress_of(const ProgressReport& first, const ProgressReport& latest) {
  const auto seconds = static_cast<double>((latest.at - first.at).count()) / 1000;
  const bool advanced = seconds > 0 && latest.done > first.done;
  return {.done = latest.done,
          .total = latest.total,
          .unit = latest.unit,
          .rate = advanced ? static_cast<double>(latest.done - first.done) / seconds : 0};
}

}  // namespace sluice::ports
