#pragma once
#include <functional>
#include <memory>
#include <utility>

#include "sluice/base/random.hpp"
#include "sluice/domain/runs/compile.hpp"
#include "sluice/domain/runs/report.hpp"
#include "sluice/ir/known_calls.hpp"
#include "sluice/ports/containers.hpp"
#include "sluice/ports/environments.hpp"
#include "sluice/ports/ledger.hpp"
#include "sluice/ports/object_store.hpp"
#include "sluice/ports/pipelines.hpp"
#include "sluice/ports/run_control.hpp"
#include "sluice/ports/secrets.hpp"

// Public to other domain modules: named pipelines and schedules are run.

namespace sluice::runs {

/// A request to run a pipeline of a plan.
struct Submission {
  std::string text;           ///< of the plan, in any dialect
  std::string file;           ///< its name, for messages and for people
  std::string pipeline = {};  ///< "": the plan's entry
  Struct inputs;              ///< artifacts are in the object store already
  Struct code;                ///< folder, or file of requirements, as written in the plan → artifact
  Principal principal;
  bool cache = true;
  bool strict = false;  ///< what would be a warning is refused
  CompileOptions options = {};
  /// Set: a schedule submits it, at one of its instants. The run's id is made from both, so that there is
  /// one.
  struct Scheduled {
    engine::Trigger trigger;
    std::optional<Time> next;  ///< the schedule's next instant, which is stored with the run
  };
  std::optional<Scheduled> scheduled = {};
  /// Set: the run is put into a group. Its ids (that of a new one, and `run`) and times are those of the run.
  std::optional<ports::GroupStep> group = {};
};
struct Submitted {
  RunId run;
  std::vector<std::string> warnings;  ///< "FILE:LINE:COLUMN: …"
};

/// The use cases of runs: submit, resume, cancel, list, find, report. Thread-safe. The ports must outlive it.
class Runs {
 public:
  struct Ports {
    ports::RunControl& control;
    ports::Journal& journal;
    const ports::RunIndex& index;
    const ports::ObjectStore& objects;
    const Clock& clock;
    Random& random;
    /// Null: tasks cannot have environments.
    ports::Environments* environments = nullptr;
    /// Null: tasks cannot be containers.
    ports::Containers* containers = nullptr;
    /// Null: tasks cannot have secrets.
    const ports::Secrets* secrets = nullptr;
    /// Refuses a call of a service, by what is known of it before the run (ports::Service::check); null:
    /// nothing is refused.
    std::function<Result<void>(const std::string& service, const Struct& known)> check_call = {};
    /// Refuses new runs when there is no room for what they store; null: never.
    std::function<Result<void>()> check_room = {};
  };
  Runs(Ports ports, Dialects dialects) : ports_(std::move(ports)), dialects_(std::move(dialects)) {}

  /// Compiles, binds the inputs, checks that every object is in the store, and what services refuse of the
  /// calls that are certain, and finds the packages of every environment and the image of every container:
  /// what cannot work ends before any work is done. When this returns, the run is stored and running. May ask
  /// an index of packages or a registry of images, and take minutes.
  /// Of a schedule, and into a group: Code::conflict as ports::Append says.
  Result<Submitted> submit(Submission submission);
  /// Everything that `submit` checks, and no run. Returns the warnings.
  Result<std::vector<std::string>> check(Submission submission);
  /// Resumes a run whose process died. `retry`: also one that was set aside. Code::failed_precondition if it
  /// has ended, or was set aside.
  Result<RunId> resume(const std::string& workspace, const std::string& id_or_prefix, bool retry = false);
  /// Resumes every run that has not ended and was not set aside; returns how many. For the start of a server.
  Result<std::size_t> resume_all();
  /// Leaves a run alone from now on: two processes in a row died while they decided it. Does nothing if it
  /// has ended.
  Result<void> set_aside(const RunId& run);
  /// Requests the cancellation of a run, also of one whose process died. Code::failed_precondition if
  /// it has ended. The run may not have ended yet when this returns.
  /// One that was set aside is ended without reading its journal.
  Result<RunId> cancel(const std::string& workspace, const std::string& id_or_prefix, std::string reason);

  [[nodiscard]] Result<std::vector<ports::RunRow>> list(const ports::RunFilter& filter) const {
    return ports_.index.runs(filter);
  }
  /// The only run whose id has this prefix; "latest" is the newest run.
  [[nodiscard]] Result<ports::RunRow> find(const std::string& workspace,
                                           const std::string& id_or_prefix) const;
  [[nodiscard]] Result<RunReport> report(const RunId& run) const;
  /// At most `limit` of the journal's events, from number `from` on, in stored form.
  [[nodiscard]] Result<std::vector<std::string>> events(const RunId& run, std::uint64_t from,
                                                        std::size_t limit = SIZE_MAX) const {
    return ports_.journal.read(run, from, limit);
  }
  /// See ports::RunControl.
  [[nodiscard]] std::vector<ports::TaskUnderWay> under_way(const RunId& run, std::size_t limit) const {
    return ports_.control.under_way(run, limit);
  }
  [[nodiscard]] bool is_running(const RunId& run) const { return ports_.control.is_running(run); }
  void notify_when_longer(const RunId& run, std::uint64_t length, Milliseconds wait,
                          std::move_only_function<void()> done) {
    ports_.control.notify_when_longer(run, length, ports_.clock.now() + wait, std::move(done));
  }

 private:
  struct Prepared {
    engine::RunCreated created;
    std::shared_ptr<const ir::Plan> plan;
    std::vector<std::string> warnings;
  };
  Result<Prepared> prepare(Submission submission);
  /// What RunCreated::environments holds.
  Result<Struct> lock_environments(const ir::Plan& plan, const Submission& submission,
                                   std::vector<std::string>& warnings);
  /// What RunCreated::images holds.
  Result<Struct> resolve_images(const ir::Plan& plan);
  [[nodiscard]] Result<void> check_secrets(const ir::Plan& plan, const std::string& workspace) const;
  [[nodiscard]] Result<void> check_calls(const ir::Plan& plan, const std::vector<ir::KnownCall>& calls) const;
  Result<void> end_set_aside(ports::RunRow row, std::string reason);

  Ports ports_;
  Dialects dialects_;
};

}  // namespace sluice::runs
