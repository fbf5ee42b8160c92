#pragma once
#include <map>
#include <memory>
#include <string>

#include "history.hpp"
#include "sluice/driver/live_run.hpp"
#include "sluice/ir/dependencies.hpp"
#include "sluice/ports/executor.hpp"
#include "sluice/ports/ledger.hpp"

namespace sluice::sim {

/// Checks what must always hold, from the plan and the journal alone. Throws a Violation.
class Oracles {
 public:
  explicit Oracles(const ir::Signatures& services) : services_(services) {}

  /// Checks events that have been stored: each may follow those before it, each task has ended at most once,
  /// a result from the cache is the one that the work would give, and a run ends as the reference says.
  void check(const std::vector<ports::Append>& transaction);
  /// Checks an attempt that is about to start: its fence is in the journal and open, and everything that it
  /// waits for has ended.
  void check_start(const ports::Attempt& attempt) const;
  /// Whether the journal has this attempt's start and not its end.
  [[nodiscard]] bool is_open(const ports::Attempt& attempt) const;
  /// Whether the journal has decided that this attempt must be cancelled.
  [[nodiscard]] bool is_to_be_cancelled(const ports::Attempt& attempt) const;
  /// Resets the state to that of a journal with these transactions.
  void rebuild(const std::vector<std::vector<ports::Append>>& transactions);

  /// A hash of all events, in order.
  [[nodiscard]] std::uint64_t hash() const { return hash_; }
  [[nodiscard]] std::uint64_t events() const { return events_; }

 private:
  /// What the journal says about a task.
  struct TaskBook {
    Struct call;
    bool ready = false;
    std::int64_t number = 0;
    std::int64_t losses = 0;  ///< attempts that were lost, and were followed by another one without a retry
    std::vector<std::int64_t> retries;            ///< by policy
    std::optional<engine::Outcome::Status> last;  ///< how the newest attempt ended
    bool retry_due = false;  ///< a retry was decided, and its attempt is not scheduled yet
    std::string open_fence;  ///< "" : no attempt is open
    bool timed_out = false;
    bool stopping = false;
    std::optional<Time> made;
    std::optional<engine::Status> ended;
    std::int64_t running_iterations = 0;
    std::int64_t limit = 0;
  };
  /// What the journal says about a run.
  struct Recorded {
    engine::RunCreated created;
    History history;
    std::shared_ptr<const ir::Plan> plan;
    std::map<std::string, TaskBook> tasks;
    std::int64_t epoch = 1;
    bool stopping = false;
    bool ended = false;
  };
  /// The position of an operation: its region, and the common prefix of the paths of that region's
  /// operations.
  struct Place {
    const ir::Region* region = nullptr;
    std::size_t index = 0;
    std::string prefix;
    [[nodiscard]] const ir::Operation& operation() const { return region->operations[index]; }
  };

  void check(const RunId& run, std::uint64_t number, const std::string& text);
  void on(Recorded& recorded, const engine::RunCreated& event);
  void on(Recorded& recorded, const engine::Claimed& event);
  void on(Recorded& recorded, const engine::RegionStarted& event);
  void on(Recorded& recorded, const engine::IterationStarted& event);
  void on(Recorded& recorded, const engine::IterationEnded& event);
  void on(Recorded& recorded, const engine::TaskReady& event);
  void on(Recorded& recorded, const engine::CacheHit& event);
  void on(Recorded& recorded, const engine::Scheduled& event);
  void on(Recorded& recorded, const engine::AttemptEnded& event);
  void on(Recorded& recorded, const engine::RetryAt& event);
  void on(Recorded& recorded, const engine::TimedOut& event);
  void on(Recorded& recorded, const engine::Stopping& event);
  void on(Recorded& recorded, const engine::Ended& event);
  void on(Recorded& recorded, const engine::RunEnded& event);

  /// The operation with this path and those that enclose it, outermost first.
  static std::vector<Place> places_of(const Recorded& recorded, const std::string& path);
  /// The task whose open attempt this is; null if the attempt is not open.
  [[nodiscard]] const TaskBook* open_task(const ports::Attempt& attempt) const;
  static const ir::Operation& operation_at(const Recorded& recorded, const std::string& path);
  void check_upstream(const Recorded& recorded, const Place& place) const;

  const ir::Signatures& services_;
  std::map<std::string, Recorded> recorded_;
  mutable std::map<const ir::Region*, ir::Dependencies> dependencies_;
  std::map<std::string, std::shared_ptr<const ir::Plan>>
      plans_;  ///< by text; they also keep the keys of dependencies_ alive
  std::uint64_t hash_ = 14695981039346656037U;
  std::uint64_t events_ = 0;
  bool rebuilding_ = false;  ///< the events were counted and hashed before
};

}  // namespace sluice::sim
