#pragma once
// The state of a run in memory. Private to the engine.
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "sluice/engine/command.hpp"
#include "sluice/engine/event.hpp"
#include "sluice/engine/limits.hpp"
#include "sluice/ir/dependencies.hpp"
#include "sluice/ir/plan.hpp"
#include "sluice/ir/signature.hpp"

namespace sluice::engine {

/// The fixed properties of a region of the plan, computed once per run.
struct RegionShape {
  const ir::Region* region = nullptr;
  ir::Dependencies dependencies;
  std::unordered_map<std::string_view, std::size_t> index;  ///< name → operation
  std::vector<std::string> segments;                        ///< of paths: the operations' names, encoded
};

struct OperationState;

/// One execution of a region: the body of a pipeline, an arm, an iteration, a block.
struct RegionState {
  const RegionShape* shape = nullptr;
  OperationState* owner = nullptr;  ///< null: the body of the run itself
  std::int64_t index = -1;          ///< iteration or arm; -1: neither
  bool boundary = false;            ///< the body of a pipeline: names outside are not visible
  bool in_iteration = false;        ///< an iteration, or inside one
  bool stopping = false;            ///< an operation failed, and the region's `on_failure` is `stop`
  std::vector<std::pair<std::string_view, Value>> bindings;  ///< `inputs` and `run`, or the loop's variables
  std::vector<OperationState> operations;
  std::size_t open = 0;     ///< operations that have not ended
  std::size_t running = 0;  ///< begun and not ended, for `limit`
  /// Ready operations that `limit` holds back, in the order in which they became ready. Not part of the
  /// state: after a replay, every waiting operation is considered again.
  std::unique_ptr<std::deque<OperationState*>> held_back;
};

/// How an iteration ended; nothing else of it is kept.
struct IterationResult {
  bool ended = false;
  Status status = Status::succeeded;
  Value outputs;                     ///< a struct; null: empty
  std::unique_ptr<Failure> failure;  ///< null: none
};

struct EachState {
  List items;
  std::int64_t limit = 0;
  std::int64_t started = 0;
  std::int64_t ended = 0;
  std::int64_t failed = 0;
  std::vector<IterationResult> results;
  std::uint64_t ticket = 0;  ///< its place in Agenda::waiting_for_room; 0: none. Not part of the state
};

/// The state that only tasks have; created when the task is ready, so that a waiting task uses little memory.
struct TaskState {
  Struct call;
  std::optional<Digest> key;
  std::int64_t number = 0;  ///< of the newest attempt
  Fence fence;
  std::vector<std::int64_t> gpus;  ///< of the newest attempt
  Time first_scheduled{};
  Time scheduled{};
  Time due{};             ///< of the next attempt
  std::int64_t lost = 0;  ///< attempts that were lost in a row
  bool timed_out = false;
  std::vector<std::int64_t> retries;  ///< by policy
  Outcome last;                       ///< of the newest attempt that ended
};

struct OperationState {
  enum class Phase : std::uint8_t {
    waiting,   ///< for its upstream
    lookup,    ///< its cache entry is being looked up, or it waits for its resources
    ready,     ///< not cacheable; it waits for its resources
    attempt,   ///< an attempt may be running
    deciding,  ///< an attempt has ended, and what follows is not decided yet (within one decision only)
    backoff,   ///< until the next attempt is due and has its resources
    open,      ///< inner regions are running
    ended,
  };
  const ir::Operation* operation = nullptr;
  RegionState* region = nullptr;
  Phase phase = Phase::waiting;
  Status status = Status::succeeded;
  bool stopping = false;
  bool held_back = false;         ///< it is in its region's `held_back`. Not part of the state
  std::uint32_t waiting_for = 0;  ///< upstream operations that have not ended
  Value outputs;                  ///< a struct, once succeeded
  std::unique_ptr<Failure> failure;
  std::unique_ptr<TaskState> task;
  std::unique_ptr<EachState> each;
  /// Inner regions that have not ended: one, or those of an each by iteration.
  std::map<std::int64_t, std::unique_ptr<RegionState>> inner;

  [[nodiscard]] bool ended() const { return phase == Phase::ended; }
  [[nodiscard]] bool bad() const { return status == Status::failed || status == Status::blocked; }
};

struct RunState {
  std::shared_ptr<const ir::Plan> plan;
  const ir::Signatures* services = nullptr;
  Limits limits;
  RunCreated created;
  std::unordered_map<const ir::Region*, std::unique_ptr<RegionShape>> shapes;
  std::unique_ptr<RegionState> root;
  std::optional<RunEnded> result;
  std::int64_t epoch = 1;  ///< of the newest claim
  bool stopping = false;
  std::string stop_reason;
  bool stopped_by_limit = false;
  std::size_t operations = 0;                ///< of all regions that have not ended
  std::size_t operations_in_iterations = 0;  ///< of those that are iterations, or inside one

  const RegionShape& shape_of(const ir::Region& region);
  void start_root();
  std::unique_ptr<RegionState> make_region(const ir::Region& region, OperationState* owner,
                                           std::int64_t index);
  void bind_pipeline(RegionState& region, const Struct& inputs) const;
  OperationState* find(std::string_view path);
  /// Must be called before regions are freed: those inside the operation, or one of them.
  void release_inner(const OperationState& operation);
  void release(const RegionState& region);

 private:
  friend Digest fingerprint_of(const RunState& state);
  OperationState* look_for(std::string_view path);

  // Events of one operation often follow one another.
  OperationState* found_ = nullptr;
  std::string found_path_;
};

/// What is left to decide. A function of the state except for its order: after creation and after a replay it
/// is filled from the state.
struct Agenda {
  bool filled = false;
  std::deque<OperationState*> operations;  ///< to consider; first of all
  std::deque<RegionState*> ended_regions;  ///< to close; one whose operations are all considered
  std::map<std::uint64_t, OperationState*> waiting_for_room;  ///< each operations, by EachState::ticket
  std::uint64_t last_ticket = 0;
};

/// "folds[3]/fit"
std::string path_of(const OperationState& operation);
/// "folds[3]": the owner's path and the region's index; "" for the body of the run.
std::string path_of(const RegionState& region);
/// The region that an operation runs (for a call: the body of the called pipeline).
const ir::Region& body_of(const RunState& run, const ir::Operation& operation, std::int64_t arm);

/// See Run::fingerprint.
Digest fingerprint_of(const RunState& state);

/// One step of the fold; see Run::apply. `of` is the operation whose path the event has, where that is known;
/// null: it is found by the path.
Result<void> apply_event(RunState& run, const Event& event, OperationState* of = nullptr);

/// What a task that is ready occupies while it runs.
ir::Resources resources_of(const OperationState& operation);
/// The work for an executor, from a task's evaluated call.
TaskSpec work_of(const RunState& run, const OperationState& operation);
/// Appends the outstanding commands of the operation and of everything inside it: they are a function of the
/// state.
void commands_of(const RunState& run, const OperationState& operation, std::vector<Command>& out);
/// When the current attempt times out; nullopt: never.
std::optional<Time> timeout_due(const OperationState& operation);

}  // namespace sluice::engine
