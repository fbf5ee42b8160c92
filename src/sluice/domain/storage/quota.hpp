#pragma once
#include <atomic>
#include <cstdint>
#include <functional>

#include "sluice/base/result.hpp"

namespace sluice::storage {

/// Refuses what would not fit: beyond the operator's quota, or into what is kept free for the ledger, so that
/// runs that are running can be ended. Cheap: what is used is counted, and measured anew by sweeps.
/// Thread-safe.
class Quota {
 public:
  struct Limits {
    std::int64_t bytes = 0;    ///< of the whole data folder; 0: no quota
    std::int64_t reserve = 0;  ///< of the disk
  };
  /// `free_bytes`: of the disk.
  Quota(Limits limits, std::function<Result<std::uint64_t>()> free_bytes)
      : limits_(limits), free_bytes_(std::move(free_bytes)) {}

  /// Counts so many more bytes, or, below zero, so many fewer, which is never refused. Code::exhausted beyond
  /// the quota, Code::disk_full beyond the disk.
  Result<void> admit(std::int64_t bytes);
  /// What the data folder was measured to hold.
  void measured(std::int64_t bytes) { used_ = bytes; }
  [[nodiscard]] std::int64_t used() const { return used_; }
  [[nodiscard]] Limits limits() const { return limits_; }

 private:
  Limits limits_;
  std::function<Result<std::uint64_t>()> free_bytes_;
  std::atomic<std::int64_t> used_{0};
};

}  // namespace sluice::storage
