#pragma once
#include <optional>
#include <string>
#include <vector>

#include "sluice/base/random.hpp"
#include "sluice/domain/runs/runs.hpp"
#include "sluice/domain/schedules/scheduler.hpp"
#include "sluice/ports/object_store.hpp"
#include "sluice/ports/schedules.hpp"

// Public to other domain modules: recurring runs of a group are runs of a schedule.

namespace sluice::schedules {

/// The use cases of schedules: create, list, find, enable, disable, remove. Thread-safe. The ports must
/// outlive it.
class Schedules {
 public:
  struct Ports {
    ports::Schedules& store;
    Scheduler& scheduler;
    runs::Runs& runs;
    ports::ObjectStore& objects;
    const Clock& clock;
    Random& random;
  };
  explicit Schedules(Ports ports) : ports_(ports) {}

  struct Creation {
    std::string name = {};  ///< "": that of the plan's file, without its ending
    ports::ScheduleTiming timing;
    runs::Submission submission;
    std::string instant_input = {};  ///< see ports::ScheduledPlan
    bool enabled = true;
    std::shared_ptr<const ports::GroupedRun> group = nullptr;  ///< see ports::Schedule
  };
  struct Created {
    ports::ScheduleRow row;
    std::vector<std::string> warnings;
  };
  /// What cannot work is refused now: the timing, and all that a submission of the plan is checked for.
  Result<Created> create(Creation creation);
  /// By name, of a workspace.
  [[nodiscard]] Result<std::vector<ports::ScheduleRow>> list(const std::string& workspace,
                                                             const ports::NamePage& page) const {
    return ports_.store.list(workspace, page);
  }
  /// By its name or its id. Code::not_found, with the nearest name.
  [[nodiscard]] Result<ports::Schedule> find(const std::string& workspace, const std::string& name) const;
  /// Its next instants, at most `limit`; none if it is disabled.
  [[nodiscard]] Result<std::vector<Time>> upcoming(const ports::ScheduleRow& row, std::size_t limit) const;
  /// What was missed while it was disabled counts as any other that was missed. Returns the name.
  Result<std::string> set_enabled(const std::string& workspace, const std::string& name, bool enabled);
  /// Its runs stay. Returns the name.
  Result<std::string> remove(const std::string& workspace, const std::string& name);

 private:
  Ports ports_;
};

}  // namespace sluice::schedules
