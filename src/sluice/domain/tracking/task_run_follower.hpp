#pragma once
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <stop_token>
#include <thread>
#include <unordered_map>
#include <utility>

#include "sluice/domain/tracking/task_runs.hpp"
#include "sluice/engine/event.hpp"

namespace sluice::tracking {

/// Writes to tracked runs what becomes of the engine's runs that they belong to: what a task from the cache
/// logged when it ran is logged to the new run too, and what has not ended when its run ends is ended. Done
/// by a thread of its own, which the first change starts, some milliseconds later. Thread-safe. What it
/// refers to must outlive it.
class TaskRunFollower {
 public:
  struct Ports {
    ports::Tracking& tracking;
    ports::TrackedTasks& tasks;
    const ports::Journal& journal;
    TaskRuns& task_runs;
  };
  /// `prepare` is called on the thread first; null: nothing is.
  TaskRunFollower(Ports ports, std::function<void()> prepare);
  ~TaskRunFollower() = default;
  TaskRunFollower(const TaskRunFollower&) = delete;
  TaskRunFollower& operator=(const TaskRunFollower&) = delete;

  /// The run used the cache, or has ended. Does not block.
  void changed(const RunId& run);
  /// Takes up what a server that died left: for the start of the next one.
  Result<void> take_up();
  /// Waits until nothing is left to do: for tests.
  void wait();

  /// How the attempts of a run ended, by path and number.
  using Ends = std::map<std::pair<std::string, std::int64_t>, engine::Outcome::Status>;

 private:
  void work(const std::stop_token& stop);
  Result<void> follow(const RunId& run);
  Result<void> copy_cached(const ports::RunRow& row);
  Result<void> copy_hit(const ports::RunRow& row, const engine::CacheHit& hit);
  [[nodiscard]] Result<Ends> ends_of(const RunId& run) const;
  Result<void> end(const ports::RunRow& row);

  Ports ports_;
  std::function<void()> prepare_;
  std::mutex mutex_;  ///< guards `wanted_`, `is_working_`, and the start of the thread
  std::condition_variable_any changed_;
  std::set<RunId> wanted_;
  bool is_working_ = false;
  std::unordered_map<RunId, std::uint64_t> read_;  ///< of the journals of runs that go on; the thread's own
  std::jthread thread_;                            ///< last: it uses the others
};

}  // namespace sluice::tracking
