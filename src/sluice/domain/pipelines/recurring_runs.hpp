#pragma once
#include <string>

#include "sluice/domain/pipelines/run_groups.hpp"
#include "sluice/domain/schedules/schedules.hpp"

namespace sluice::pipelines {

/// Recurring runs of a group: schedules, whose runs are in the group as soon as they are stored. Thread-safe.
/// The ports must outlive it.
class RecurringRuns {
 public:
  struct Ports {
    const ports::RecurringRuns& store;
    RunGroups& groups;
    schedules::Schedules& schedules;
    const Clock& clock;
    Random& random;
  };
  explicit RecurringRuns(Ports ports) : ports_(ports) {}

  static constexpr std::int64_t concurrency_max = 10;
  struct NewRecurringRun {
    RunGroups::NewRun run;  ///< a pipeline without a version: the one that is its newest now
    ports::ScheduleTiming timing;
    bool enabled = true;
  };
  /// Code::invalid_argument if it cannot run, or never would.
  Result<ports::RecurringRun> create(const Principal& by, NewRecurringRun wanted);
  [[nodiscard]] Result<ports::RecurringRun> find(const std::string& workspace, const std::string& id) const;
  /// `group`: as in ports::RunGroups::runs; Code::not_found if there is no such group.
  [[nodiscard]] Result<ports::ListPage<ports::RecurringRun>> list(const std::string& workspace,
                                                                  const std::string& group,
                                                                  const ports::ListQuery& query) const;
  /// Code::failed_precondition if it should be enabled, but its group is archived.
  Result<void> set_enabled(const std::string& workspace, const std::string& id, bool enabled);
  /// Its runs stay.
  Result<void> remove(const std::string& workspace, const std::string& id);
  /// Disables those of a group that is about to be archived or removed.
  Result<void> disable_all(const std::string& workspace, const std::string& group);

 private:
  [[nodiscard]] Result<void> check_group(const std::string& workspace, const std::string& group) const;

  Ports ports_;
};

}  // namespace sluice::pipelines
