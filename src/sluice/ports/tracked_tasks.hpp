#pragma once
#include <optional>
#include <string>
#include <vector>

#include "sluice/base/ids.hpp"
#include "sluice/base/result.hpp"
#include "sluice/ports/tracking.hpp"

namespace sluice::ports {

/// What a tracked run belongs to: a run of the engine, or an attempt at one of its tasks.
struct TaskPlace {
  RunId run;
  std::string path = {};     ///< "": the run itself
  std::int64_t attempt = 0;  ///< 0: of the run itself, or what a task from the cache logged elsewhere
  bool operator==(const TaskPlace&) const = default;
};

/// The tracked runs that belong to runs of the engine. Thread-safe. A call that returns an error has changed
/// nothing.
class TrackedTasks {
 public:
  virtual ~TrackedTasks() = default;
  /// Creates a tracked run at a place; one place may have several. Does nothing if there is one of this id.
  /// The other errors of Tracking::create_run.
  virtual Result<void> begin(const NewTrackedRun& run, const TaskPlace& place) = 0;
  /// As `begin`, with the parameters, metrics, datasets and uses of models that were logged to the run
  /// `source`, and with its files, if `source_files` and `files` name folders of artifacts.
  struct Copied {
    std::string source;
    std::string source_files;  ///< "": none are copied
    std::string files;
  };
  virtual Result<void> begin_as(const NewTrackedRun& run, const TaskPlace& place, const Copied& copied) = 0;

  /// nullopt: there is no such tracked run in the workspace, or it belongs to none.
  [[nodiscard]] virtual Result<std::optional<TaskPlace>> place_of(const std::string& workspace,
                                                                  const std::string& tracked) const = 0;
  struct Entry {
    std::string tracked;
    TaskPlace place;
    TrackedStatus status = TrackedStatus::running;
  };
  /// Those at a path of a run, the newest attempt first, then in the order in which they began.
  [[nodiscard]] virtual Result<std::vector<Entry>> at(const RunId& run, const std::string& path,
                                                      std::size_t limit) const = 0;
  /// Those of all tasks of a run, by path, then as `at` returns them.
  [[nodiscard]] virtual Result<std::vector<Entry>> of_tasks(const RunId& run, std::size_t limit) const = 0;
  /// Those of a run that have not ended, and were not removed.
  [[nodiscard]] virtual Result<std::vector<Entry>> unended(const RunId& run, std::size_t limit) const = 0;
  /// The runs that have any, and are not settled.
  [[nodiscard]] virtual Result<std::vector<RunId>> unsettled_runs(std::size_t limit) const = 0;
  /// The run has ended, and its tracked runs say how: nothing is left to do for it.
  virtual Result<void> settle(const RunId& run) = 0;
  /// Whether there is any at all.
  [[nodiscard]] virtual Result<bool> any() const = 0;
};

}  // namespace sluice::ports
