#pragma once
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "sluice/domain/runs/runs.hpp"
#include "sluice/domain/schedules/timeline.hpp"
#include "sluice/ports/object_store.hpp"
#include "sluice/ports/schedules.hpp"

namespace sluice::schedules {

/// Starts the runs of schedules when they are due, on threads of its own. A run and what its schedule has
/// behind it are stored in one transaction, so that each instant has one run whatever dies when. One that
/// cannot be started is tried again, with growing pauses, and the schedule says why. Thread-safe. Does
/// nothing before `begin`.
class Scheduler {
 public:
  struct Ports {
    ports::Schedules& store;
    runs::Runs& runs;
    const ports::ObjectStore& objects;
    const Clock& clock;
  };
  /// How late a run may be after the clock was set or the machine slept.
  static constexpr Milliseconds wait_max = std::chrono::seconds(10);

  explicit Scheduler(Ports ports) : ports_(ports) {}
  ~Scheduler() { end(); }
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  /// Reads which schedules there are, and begins. Called once.
  Result<void> begin();
  /// Waits until no run is being started; none is from then on.
  void end();
  /// A schedule was added, changed or removed: it is due then; nullopt: never.
  void changed(const ScheduleId& id, std::optional<Time> due);
  /// One of its runs has ended. Does not block.
  void run_ended(const ScheduleId& id);
  /// Looks at the clock now. For tests, which set it.
  void wake();
  /// Waits until nothing is due by the clock, and no run is being started. For tests.
  void settle();

 private:
  /// When the schedule is to be looked at again.
  struct Outcome {
    std::optional<Time> at;
    bool waits_for_end = false;
    bool failed = false;
  };
  void work(const std::stop_token& stop);
  Outcome look_at(const ScheduleId& id);
  Result<void> start_run(const ports::Schedule& schedule, Time instant, std::optional<Time> next);
  void release(const ScheduleId& id, const Outcome& outcome);

  Ports ports_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  Timeline timeline_;
  std::unordered_map<ScheduleId, int> failures_;  ///< in a row
  bool has_changed_ = false;
  bool is_watched_ = false;  ///< one thread waits for the clock, the others for that one
  bool has_begun_ = false;
  std::size_t busy_ = 0;
  std::vector<std::jthread> threads_;  ///< last: they use the others
};

}  // namespace sluice::schedules
