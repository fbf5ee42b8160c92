#pragma once
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "sluice/base/clock.hpp"
#include "sluice/base/random.hpp"
#include "sluice/ports/access.hpp"
#include "sluice/ports/ledger.hpp"
#include "sluice/ports/tracked_tasks.hpp"
#include "sluice/ports/tracking.hpp"

namespace sluice::tracking {

/// The tags that say which run of the engine, and which of its tasks, a tracked run belongs to.
inline constexpr std::string_view engine_run_tag = "sluice.run";
inline constexpr std::string_view task_tag = "sluice.task";
/// Of what a task from the cache logged: the tracked run that it was logged to.
inline constexpr std::string_view cached_from_tag = "sluice.cached_from";
/// MLflow's: the tracked run that this one is shown below.
inline constexpr std::string_view parent_tag = "mlflow.parentRunId";

/// The tracked runs of the engine's runs. That of a run has the run's id, that of an attempt at a task its
/// fence; they begin with the first thing that is logged to the attempt, so that a run that logs nothing has
/// none. Thread-safe. The ports must outlive it.
class TaskRuns {
 public:
  struct Ports {
    ports::Tracking& tracking;
    ports::TrackedTasks& tasks;
    const ports::RunIndex& runs;
    const Clock& clock;
    Random& random;
  };
  explicit TaskRuns(Ports ports) : ports_(ports) {}

  /// The tracked run of an attempt: as it is, or as it would begin. Its experiment exists then.
  Result<ports::TrackedRun> of_task(const Principal& principal, const ports::TaskCaller& task);
  /// Whether a run has not ended: only then its tasks may log.
  [[nodiscard]] bool goes_on(const std::string& workspace, const RunId& run) const;
  /// Begins it, and that of its run, unless they have begun. Code::not_found if there is no such run.
  Result<void> begin(const Principal& principal, const ports::TaskCaller& task);
  /// Begins another one below that of the attempt: `run` is new (Experiments::new_run).
  Result<ports::TrackedRun> begin_below(const Principal& principal, const ports::TaskCaller& task,
                                        ports::TrackedRun run);
  /// Whether a tracked run is the attempt's, or was begun below it.
  [[nodiscard]] Result<bool> is_own(const Principal& principal, const ports::TaskCaller& task,
                                    const std::string& tracked) const;
  /// What the attempt logs goes to this experiment, if nothing was logged yet. Remembered for the newest
  /// thousands of attempts, until the server ends.
  void choose_experiment(const ports::TaskCaller& task, std::int64_t experiment);

  /// Begins that of a run of the engine, unless it has begun. False: there is no such run.
  Result<bool> begin_run(const Principal& principal, const RunId& run);
  Result<void> begin_run(const ports::RunRow& row);
  /// nullopt: there is no such run in the workspace; "": in any.
  [[nodiscard]] Result<std::optional<ports::RunRow>> row_of(const std::string& workspace,
                                                            const RunId& run) const;
  /// How a run of the engine is shown to which nothing was logged. Code::not_found if there is none.
  [[nodiscard]] Result<ports::TrackedRun> of_run(const Principal& principal, const RunId& run) const;

 private:
  /// The experiment of this name, which is created; the default one where it was removed.
  Result<ports::Experiment> experiment_for(const Principal& principal, const std::string& run_name);
  Result<ports::Experiment> experiment_of(const Principal& principal, const ports::TaskCaller& task,
                                          const ports::RunRow& row);
  ports::TrackedRun made_of(const ports::TaskCaller& task, const ports::RunRow& row,
                            const ports::Experiment& experiment) const;

  Ports ports_;
  std::mutex mutex_;                                      ///< guards `chosen_`
  std::unordered_map<std::string, std::int64_t> chosen_;  ///< experiments, by fence
};

/// How the end of a run of the engine is called in its tracked run.
ports::TrackedStatus tracked_status_of(std::string_view status);

}  // namespace sluice::tracking
