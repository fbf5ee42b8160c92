#pragma once
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>

#include "sluice/domain/tracking/artifact_files.hpp"
#include "sluice/domain/tracking/task_runs.hpp"
#include "sluice/engine/event.hpp"

namespace sluice::tracking {

/// Writes to tracked runs what becomes of the engine's runs that they belong to: what a task from the cache
/// logged when it ran is logged to the new run too, outputs of tasks that are metrics and their like are
/// logged (task_outputs.hpp), and what has not ended when its run ends is ended. Done by a thread of its own,
/// which the first change starts, some milliseconds later. Thread-safe. What it refers to must outlive it.
class TaskRunFollower {
 public:
  struct Ports {
    ports::Tracking& tracking;
    ports::TrackedTasks& tasks;
    const ports::Journal& journal;
    TaskRuns& task_runs;
    ArtifactFiles& artifacts;
  };
  /// `prepare` is called on the thread first; null: nothing is.
  TaskRunFollower(Ports ports, std::function<void()> prepare);
  /// Outputs that are to be logged are logged before it returns.
  ~TaskRunFollower() = default;
  TaskRunFollower(const TaskRunFollower&) = delete;
  TaskRunFollower& operator=(const TaskRunFollower&) = delete;

  /// The run used the cache, or has ended. Does not block.
  void changed(const RunId& run) { want(run, false); }
  /// A task has ended with outputs that are to be logged. Does not block.
  void made_outputs(const RunId& run) { want(run, true); }
  /// Takes up what a server that died left: for the start of the next one.
  Result<void> take_up();
  /// Waits until nothing is left to do: for tests.
  void wait();

  /// How the attempts of a run ended, by path and number.
  using Ends = std::map<std::pair<std::string, std::int64_t>, engine::Outcome::Status>;

 private:
  /// The newest attempt at a task, or what it was taken from the cache as.
  struct Attempt {
    std::int64_t number = 0;  ///< 0: it was taken from the cache
    std::string tracked;      ///< the tracked run; "": a cached task has none yet
  };
  /// How far the journal of a run was read.
  struct Progress {
    std::uint64_t next = 0;
    bool has_outputs = false;  ///< that are to be logged; only then `attempts` are known
    std::unordered_map<std::string, Attempt> attempts;  ///< of tasks that have not ended, by path
  };

  void want(const RunId& run, bool has_outputs);
  /// The next one that is wanted; nullopt: there is none until the end.
  std::optional<std::pair<RunId, bool>> take(const std::stop_token& stop);
  void work(const std::stop_token& stop);
  Result<void> follow(const RunId& run, bool has_outputs);
  Result<void> read_on(const ports::RunRow& row, Progress& progress);
  Result<void> read_outputs(const ports::RunRow& row, const std::string& text, Progress& progress);
  /// The tracked run that was made first; "": there was nothing to copy.
  Result<std::string> copy_hit(const ports::RunRow& row, const engine::CacheHit& hit);
  Result<void> log_outputs(const ports::RunRow& row, const engine::Ended& ended, const Attempt& attempt);
  [[nodiscard]] Result<Ends> ends_of(const RunId& run) const;
  Result<void> end(const ports::RunRow& row);

  Ports ports_;
  std::function<void()> prepare_;
  std::mutex mutex_;  ///< guards `wanted_`, `is_working_`, and the start of the thread
  std::condition_variable_any changed_;
  std::map<RunId, bool> wanted_;  ///< true: it made outputs that are to be logged
  bool is_working_ = false;
  std::unordered_map<RunId, Progress> read_;  ///< of runs that go on; the thread's own
  std::jthread thread_;                       ///< last: it uses the others
};

}  // namespace sluice::tracking
