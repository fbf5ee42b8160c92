#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sluice/base/clock.hpp"
#include "sluice/engine/event.hpp"
#include "sluice/ir/plan.hpp"
#include "sluice/ports/progress.hpp"
#include "sluice/ports/schedules.hpp"

namespace sluice::ports {

struct GroupStep;  // ports/pipelines.hpp

/// What the journal does not say about a task that has not ended.
struct TaskUnderWay {
  std::string path;
  /// The slot that it waits for: "cpu", "memory", "gpu", "pool NAME", "task" or "its turn"; empty: none.
  std::string waits_for = {};
  std::optional<Progress> progress = {};
};

/// What else the start of a run changes, in the transaction that stores it (ports::Append).
struct RunOrigin {
  std::optional<ScheduleStep> step = {};
  std::shared_ptr<const GroupStep> group = nullptr;
};

/// Starts runs and follows them; the driver implements it. Thread-safe.
class RunControl {
 public:
  virtual ~RunControl() = default;
  /// The run is in the journal when this returns. `plan` is the verified plan of `created.plan`.
  virtual Result<void> start(engine::RunCreated created, std::shared_ptr<const ir::Plan> plan,
                             RunOrigin origin = {}) = 0;
  /// Resumes a run of the journal that has not ended; does nothing if the run is already running or has
  /// ended.
  virtual Result<void> resume(const RunId& run) = 0;
  /// A server that starts resumes all runs between these two calls. Meanwhile no task is given a device,
  /// since one that is not resumed yet may be using it. `complete`: every run of the journal that has not
  /// ended was resumed.
  virtual void begin_resuming() {}
  virtual void end_resuming(bool complete) { static_cast<void>(complete); }
  /// Also of a run that is not running here: its tasks may have outlived its server.
  /// Code::failed_precondition if it has ended.
  virtual Result<void> cancel(const RunId& run, std::string reason) = 0;
  /// Whether the run is running here. False: it has ended, or it stopped (its events could not be stored) or
  /// was never resumed.
  [[nodiscard]] virtual bool is_running(const RunId& run) const = 0;
  /// The tasks that report progress, and those that wait for a slot; of each at most `limit`. None if the run
  /// is not running here.
  [[nodiscard]] virtual std::vector<TaskUnderWay> under_way(const RunId& run, std::size_t limit) const {
    static_cast<void>(run), static_cast<void>(limit);
    return {};
  }
  /// Calls back once, soon after the run's journal is longer than `length`, or the run is not running here,
  /// or `deadline` has passed. The delay is some milliseconds, so that a client that follows a busy run gets
  /// many events at once. `done` runs on a thread that must not be blocked, possibly within this call.
  virtual void notify_when_longer(const RunId& run, std::uint64_t length, Time deadline,
                                  std::move_only_function<void()> done) = 0;
};

}  // namespace sluice::ports
