#pragma once
#include <string>

#include "sluice/domain/pipelines/pipelines.hpp"
#include "sluice/domain/runs/runs.hpp"

namespace sluice::pipelines {

/// Groups of runs, and the runs in them. Thread-safe. The ports must outlive it.
class RunGroups {
 public:
  struct Ports {
    ports::RunGroups& store;
    Pipelines& pipelines;
    runs::Runs& runs;
    ports::ObjectStore& objects;
    const Clock& clock;
    Random& random;
  };
  RunGroups(Ports ports, runs::Dialects dialects) : ports_(ports), dialects_(std::move(dialects)) {}

  /// The group of runs that were given none.
  static constexpr const char* default_name = "Default";
  /// Adds it to the workspace if it is not there.
  Result<ports::RunGroup> default_group(const Principal& by);

  Result<ports::RunGroup> create(const Principal& by, std::string name, std::string description);
  [[nodiscard]] Result<ports::RunGroup> find(const std::string& workspace, const std::string& id) const;
  [[nodiscard]] Result<ports::ListPage<ports::RunGroup>> list(const std::string& workspace,
                                                              const ports::ListQuery& query) const {
    return ports_.store.groups(workspace, query);
  }
  /// With all its runs if `archived`.
  Result<void> archive(const std::string& workspace, const std::string& id, bool archived);
  /// Its runs stay.
  Result<void> remove(const std::string& workspace, const std::string& id);

  struct NewRun {
    std::string group = {};  ///< "": the default group
    std::string display_name;
    std::string description = {};
    std::string service_account = {};
    std::string root = {};
    /// Either a version (`pipeline` alone: its newest one) or a text.
    std::string pipeline = {};
    std::string version = {};
    std::string text = {};
    Struct parameters = {};  ///< plain JSON; a number is as exact as a double
  };
  /// See runs::Runs::submit. The run is in its group as soon as it is stored.
  Result<ports::GroupedRun> submit(const Principal& by, NewRun run);
  /// Begins a run that does again what did not succeed. Code::failed_precondition if it is running or has
  /// succeeded.
  Result<void> retry(const Principal& by, const std::string& id);
  [[nodiscard]] Result<ports::GroupedRun> find_run(const std::string& workspace, const std::string& id) const;
  /// `group`: as in ports::RunGroups::runs; Code::not_found if there is no such group.
  [[nodiscard]] Result<ports::ListPage<ports::GroupedRun>> runs(const std::string& workspace,
                                                                const std::string& group,
                                                                const ports::ListQuery& query) const;
  /// Code::failed_precondition if it has ended. It may not have ended yet when this returns.
  Result<void> cancel(const std::string& workspace, const std::string& id);
  /// Code::failed_precondition if it should not be archived any more, but its group is.
  Result<void> archive_run(const std::string& workspace, const std::string& id, bool archived);
  /// Takes it out of its group, and out of lists; a run that has not ended is cancelled.
  Result<void> remove_run(const std::string& workspace, const std::string& id);
  [[nodiscard]] Result<runs::RunReport> report(const ports::GroupedRun& run) const {
    return ports_.runs.report(run.run);
  }

 private:
  /// The parameters in the types of the plan's inputs.
  [[nodiscard]] Result<Struct> inputs_of(const std::string& text, const std::string& file,
                                         const Struct& parameters) const;

  Ports ports_;
  runs::Dialects dialects_;
};

}  // namespace sluice::pipelines
