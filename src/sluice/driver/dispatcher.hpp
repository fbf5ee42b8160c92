#pragma once
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <queue>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "sluice/base/clock.hpp"
#include "sluice/driver/live_run.hpp"
#include "sluice/driver/slots.hpp"
#include "sluice/driver/workers.hpp"
#include "sluice/ports/decision_note.hpp"
#include "sluice/ports/executor.hpp"
#include "sluice/ports/ledger.hpp"
#include "sluice/ports/object_store.hpp"
#include "sluice/ports/run_control.hpp"

namespace sluice::driver {

/// The driver without its thread. Inputs (`start`, `ended`, `advance`, …) are decided at once;
/// `store_and_carry_out` appends what was decided, of all runs in one transaction, and only then carries the
/// commands out.
///
/// A run whose events cannot be stored (for example, because the disk is full) is stalled: nothing that
/// follows from them is carried out, and storing them is retried with a growing pause. One thread at a time,
/// except for `is_running`.
class Dispatcher {
 public:
  /// The ports outlive the dispatcher.
  struct Ports {
    ports::Journal& journal;
    const ports::RunIndex& index;
    const ports::ObjectStore& objects;
    const Clock& clock;
    const ir::Signatures& services;
    ports::DecisionNote* note = nullptr;  ///< null: decisions are not noted
    engine::Limits limits = {};
    Capacity slots = {};
    Workers* workers = nullptr;  ///< not null: set by the driver
  };
  /// Which executor runs which kind of work.
  using Executors = std::vector<std::pair<engine::TaskSpec::Kind, ports::Executor*>>;

  explicit Dispatcher(Ports ports) : ports_(std::move(ports)), slots_(ports_.slots) {}

  /// Called before anything else: executors are constructed with a sink, so they are created after the
  /// dispatcher. Each kind of work must occur exactly once; anything else is a bug of ours: Code::internal,
  /// which names the kind.
  Result<void> set_executors(Executors executors);

  /// The run is in the journal when this returns, and what else its start changes is stored.
  Result<void> start(engine::RunCreated created, std::shared_ptr<const ir::Plan> plan,
                     ports::RunOrigin origin = {});
  Result<void> resume(const RunId& run);
  /// See ports::RunControl; the second is called after the resumed runs' commands have been carried out.
  void begin_resuming();
  void end_resuming(bool complete);
  /// A run that is not running here is read from its journal; nothing new begins in it.
  Result<void> cancel(const RunId& run, std::string reason);
  /// An attempt has ended. A fence that no run waits for is ignored.
  void ended(const Fence& fence, engine::Outcome outcome);
  /// Fires every timer that is due by the clock, and continues each run whose last decision spent its budget,
  /// by one decision.
  void advance();

  void store_and_carry_out();
  /// Stores what was decided and carries nothing out: that is left to the next dispatcher of this journal.
  void close();

  /// When `advance` or `store_and_carry_out` has something to do even without an input; nullopt: never.
  [[nodiscard]] std::optional<Time> next_due() const;
  /// The size of all decided events that `store_and_carry_out` will store.
  [[nodiscard]] std::size_t bytes_to_store() const;
  /// The length of the run's journal; nullopt if the run is not running here.
  [[nodiscard]] std::optional<std::uint64_t> length(const RunId& run) const;
  /// Whether the run is running here. Thread-safe.
  [[nodiscard]] bool is_running(const RunId& run) const;
  /// The tasks of a run that wait for a slot, and for which one; at most `limit`.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> waiting(const RunId& run,
                                                                         std::size_t limit) const {
    return slots_.waiting(run, limit);
  }
  /// The attempts of a run that were started and have not ended.
  struct RunningAttempt {
    std::string path;
    Fence fence;
    ports::Executor* executor = nullptr;
  };
  [[nodiscard]] std::vector<RunningAttempt> attempts(const RunId& run) const;
  /// What is known about a run; null if it is not running here.
  [[nodiscard]] const LiveRun* find(const RunId& run) const;

 private:
  /// A time-out, or a task that is retried when it is due.
  struct Timer {
    Time due{};
    RunId run;
    std::string path;
    std::int64_t number = 0;
    std::optional<SlotRequest> retry;
    bool operator>(const Timer& other) const { return due > other.due; }
  };
  struct Place {
    LiveRun* run = nullptr;
    std::string path;
    std::int64_t number = 0;
    ports::Executor* executor = nullptr;
  };

  void decide(const RunId& run, engine::Input input, Time now);
  void decide(LiveRun& run, engine::Input input, Time now);
  void proceed(LiveRun& run, Time now);
  void take(LiveRun& run, engine::Decision decision);
  void admit(LiveRun& run, SlotRequest request);
  void grant_slots();
  void check_limits(LiveRun& run);
  Result<LiveRun*> load(const RunId& run);
  void report_reattached();
  [[nodiscard]] Result<void> check_resources(const ir::Plan& plan) const;
  void mark_changed(LiveRun& run);
  LiveRun& keep(std::unique_ptr<LiveRun> run);
  void forget(const RunId& run);

  std::vector<LiveRun*> store(const std::vector<LiveRun*>& runs);
  void stall(LiveRun& run, const Error& error);
  Result<void> append(const std::vector<ports::Append>& batch, ports::Durability durability);
  void end_stalls();
  void acknowledge(LiveRun& run);

  [[nodiscard]] ports::Executor& executor_of(const engine::TaskSpec& work) const;
  void carry_out(LiveRun& run, engine::LookUp& command);
  void carry_out(LiveRun& run, engine::Admit& command);
  void carry_out(LiveRun& run, engine::StartAttempt& command);
  void carry_out(LiveRun& run, engine::CancelAttempt& command);
  void carry_out(LiveRun& run, engine::SetTimer& command);
  [[nodiscard]] std::optional<engine::LookedUp::Hit> cached(const std::string& workspace,
                                                            const engine::TaskSpec& work, const Digest& key,
                                                            std::optional<std::int64_t> max_age_ms) const;

  Ports ports_;
  Slots slots_;
  std::deque<Slots::Grant> granted_;  ///< of tasks that had to wait for nothing
  Executors executors_;
  std::unordered_map<RunId, std::unique_ptr<LiveRun>> live_;
  std::unordered_map<Fence, Place> attempts_;  ///< that were started here and have not ended
  std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers_;
  std::vector<LiveRun*> changed_;     ///< decided since the last store
  std::vector<LiveRun*> stalled_;     ///< their events could not be stored
  bool all_resumed_ = false;          ///< and the executors were not notified yet
  std::vector<LiveRun*> continuing_;  ///< their last decision spent its budget

  mutable std::mutex running_mutex_;
  std::unordered_set<RunId> running_;  ///< the keys of live_, for other threads
};

}  // namespace sluice::driver
