#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sluice/base/clock.hpp"
#include "sluice/base/ids.hpp"
#include "sluice/engine/work.hpp"

namespace sluice::engine {

/// How an operation, an iteration or a run ended (docs/plans.md, Outcomes). Blocked counts as failed.
enum class Status { succeeded, failed, skipped, blocked, cancelled };
std::string_view name(Status status);
std::optional<Status> status_named(std::string_view name);

// Events: what has been decided or has happened in one run. `path` is an operation's identity:
// "folds[3]/fit".

/// What started a run besides a person: a schedule, at one of its instants.
struct Trigger {
  ScheduleId schedule;
  std::string name;  ///< of the schedule, for people
  Time instant{};    ///< when the run was due
};

/// First event of every run. Holds the plan's canonical text, so that a journal can be replayed alone.
struct RunCreated {
  RunId run;
  Principal principal;
  std::string name;  ///< for people: the plan's file
  std::string pipeline;
  std::string plan;  ///< canonical text
  Digest plan_digest;
  Struct inputs;  ///< bound and typed
  Struct code;    ///< folder as written in the plan → artifact
  Struct environments =
      {};  ///< ir::name_of an environment → {"python": version, "lock": artifact, "sources": artifacts}
  Struct images = {};  ///< image as written in the plan → the same with a digest
  bool cache = true;   ///< false: nothing is looked up
  std::optional<Trigger> trigger = {};
  Time at{};
};
/// An engine continues the run, and each engine before it loses it: what they append is a conflict. The
/// engine that created the run has epoch 1.
struct Claimed {
  std::int64_t epoch = 2;
  Time at{};
};
/// An operation with inner regions began: a branch took an arm, an each got its items, a call got its inputs.
struct RegionStarted {
  std::string path;
  std::int64_t arm = -1;   ///< of a branch; -1: none was taken, or no branch
  List items;              ///< of an each
  std::int64_t limit = 0;  ///< of an each: maximum number at once; 0: no limit
  Struct inputs;           ///< of a call, bound
};
struct IterationStarted {
  std::string path;  ///< of the each
  std::int64_t index = 0;
};
struct IterationEnded {
  std::string path;
  std::int64_t index = 0;
  Status status = Status::succeeded;
  Struct outputs;  ///< what it yields
  Failure failure;
};
/// A task's arguments are evaluated (impure functions included); it will be looked up or started.
struct TaskReady {
  std::string path;
  Struct call;  ///< process: {argv, env}; function: {with, env}; service: {with}; of both: {resources}
  bool cacheable = false;
};
/// The cache has the outputs of the same work.
struct CacheHit {
  std::string path;
  Digest key;
  Struct outputs;
  RunId run;            ///< the run whose task made them …
  std::string made_by;  ///< … and the task's path in it
  Time at{};
};
/// An attempt was assigned its fence; from now on it may be running.
struct Scheduled {
  std::string path;
  std::int64_t number = 1;
  Fence fence;
  std::optional<Digest> key;
  std::vector<std::int64_t> gpus;  ///< the numbers of the devices that it may use
  Time at{};
};
struct AttemptEnded {
  std::string path;
  std::int64_t number = 1;
  Outcome outcome;
};
struct RetryAt {
  std::string path;
  Time due{};
  std::int64_t policy = 0;  ///< index of the operation's policy that counts it
};
struct TimedOut {
  std::string path;
  std::int64_t number = 1;
};
/// The operation, with everything inside it, is to end early.
struct Stopping {
  std::string path;  ///< "" : the whole run
  std::string reason;
  bool limit = false;  ///< of the whole run: it exceeded a limit, and fails with the reason as its message
};
struct Ended {
  std::string path;
  Status status = Status::succeeded;
  Struct outputs;
  Failure failure;
  Time at{};
};
struct RunEnded {
  Status status = Status::succeeded;
  Struct outputs;
  Failure failure;
  Time at{};
};

using Event = std::variant<RunCreated, Claimed, RegionStarted, IterationStarted, IterationEnded, TaskReady,
                           CacheHit, Scheduled, AttemptEnded, RetryAt, TimedOut, Stopping, Ended, RunEnded>;

/// The memory that an event's texts and values use, roughly.
std::size_t approximate_size(const Event& event);

/// One JSON object, `{"t": TYPE, "v": 1, …}`. Old versions are upgraded when they are read, and never
/// rewritten.
std::string encode(const Event& event);
Result<Event> decode(std::string_view json);

}  // namespace sluice::engine
