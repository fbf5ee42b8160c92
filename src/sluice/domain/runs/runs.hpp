#pragma once
#include <functional>
#include <memory>

#include "sluice/base/random.hpp"
#include "sluice/domain/runs/compile.hpp"
#include "sluice/domain/runs/report.hpp"
#include "sluice/ports/ledger.hpp"
#include "sluice/ports/object_store.hpp"
#include "sluice/ports/run_control.hpp"

namespace sluice::runs {

struct Submission {
  std::string text;           ///< of the plan, in any dialect
  std::string file;           ///< its name, for messages and for people
  std::string pipeline = {};  ///< "" : the plan's entry
  Struct inputs;              ///< artifacts are in the object store already
  Struct code;                ///< folder as written in the plan → artifact
  Principal principal;
  bool cache = true;
};

/// Use-cases of runs. Thread-safe. The ports outlive it.
class Runs {
 public:
  struct Ports {
    ports::RunControl& control;
    const ports::Journal& journal;
    const ports::RunIndex& index;
    const ports::ObjectStore& objects;
    const Clock& clock;
    Random& random;
  };
  Runs(Ports ports, Dialects dialects) : ports_(ports), dialects_(std::move(dialects)) {}

  /// Compiles, binds the inputs, checks that every object is there. The run is stored and goes on when this
  /// returns.
  Result<RunId> submit(Submission submission);
  /// Goes on with a run whose process died; with one that has ended: Code::failed_precondition.
  Result<RunId> resume(const std::string& workspace, const std::string& id_or_prefix);
  /// Goes on with every run that has not ended; answers how many. For the start of a server.
  Result<std::size_t> resume_all();
  /// Takes up a run whose process died, and ends it; has it ended: Code::failed_precondition. It has not
  /// ended yet when this returns.
  Result<RunId> cancel(const std::string& workspace, const std::string& id_or_prefix, std::string reason);

  [[nodiscard]] Result<std::vector<ports::RunRow>> list(const ports::RunFilter& filter) const {
    return ports_.index.runs(filter);
  }
  /// The one run whose id begins so; "latest" is the newest.
  [[nodiscard]] Result<ports::RunRow> find(const std::string& workspace,
                                           const std::string& id_or_prefix) const;
  [[nodiscard]] Result<RunReport> report(const RunId& run) const;
  /// The journal's events from number `from` on, no more than `limit`, as they are stored.
  [[nodiscard]] Result<std::vector<std::string>> events(const RunId& run, std::uint64_t from,
                                                        std::size_t limit = SIZE_MAX) const {
    return ports_.journal.read(run, from, limit);
  }
  /// See ports::RunControl.
  [[nodiscard]] bool goes_on(const RunId& run) const { return ports_.control.goes_on(run); }
  void when_longer(const RunId& run, std::uint64_t length, Milliseconds wait,
                   std::move_only_function<void()> done) {
    ports_.control.when_longer(run, length, ports_.clock.now() + wait, std::move(done));
  }

 private:
  Ports ports_;
  Dialects dialects_;
};

}  // namespace sluice::runs
