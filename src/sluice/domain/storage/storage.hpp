#pragma once
#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "sluice/domain/storage/quota.hpp"
#include "sluice/domain/storage/sweep.hpp"

namespace sluice::storage {

/// A part of the data folder, and how much it takes.
struct Area {
  std::string name;
  std::function<Result<ports::Room>()> measure;
};

/// The use cases of storage: what takes the room, sweeps, checks. Sweeps and checks are done by one thread of
/// its own, one at a time; also by themselves, as the operator's policy says. Thread-safe.
class Storage {
 public:
  struct Parts {
    Stores stores;
    std::vector<Area> areas;
    std::function<Result<std::uint64_t>()> free_bytes;  ///< of the disk
    Quota& quota;
    /// Called on the thread of the work, so that it is slow for others' sake.
    std::function<void()> lower_priority = [] {};
  };
  /// What sweeps do by themselves, and how often; none: nothing.
  struct Automatic {
    Policy policy;
    Milliseconds every{};
  };
  Storage(Parts parts, std::optional<Automatic> automatic);
  /// Ends the work that is under way.
  ~Storage();
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  /// What takes the room, measured now: {"areas": [{"name", "things", "bytes"}], "bytes", "free", "quota"}.
  [[nodiscard]] Result<Value> usage() const;

  /// Begins a sweep or a check; returns its number. Code::failed_precondition: another is under way.
  Result<std::int64_t> begin_sweep(SweepOptions options);
  Result<std::int64_t> begin_check();
  /// {"number", "kind", "state": "running" | "done" | "failed", "report" | "error"} of the latest work with
  /// this number; Code::not_found if it is another one.
  [[nodiscard]] Result<Value> work(std::int64_t number) const;

 private:
  struct Work {
    std::int64_t number = 0;
    std::string kind;
    std::function<Result<Value>()> job;  ///< not null: it waits or is under way
    std::optional<Result<Value>> result;
  };
  Result<std::int64_t> begin(std::string kind, std::function<Result<Value>()> job);
  void run();
  void sweep_by_itself();
  void measure();

  Parts parts_;
  std::optional<Automatic> automatic_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  Work work_;
  bool busy_ = false;  ///< with a sweep of its own
  std::atomic<bool> ending_ = false;
  std::thread thread_;
};

}  // namespace sluice::storage
