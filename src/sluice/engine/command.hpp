#pragma once
#include <optional>
#include <string>
#include <variant>

#include "sluice/engine/event.hpp"

namespace sluice::engine {

// Commands: what the driver has to carry out. The outstanding ones are a function of the run's state.

/// Send LookedUp if the outputs of the same work are known; else treat the task as by Admit, for its first
/// attempt.
struct LookUp {
  std::string path;
  TaskSpec work;
  std::string scope;  ///< "" or "run", from the plan's `cache`
  Value user_key;     ///< null: none
  std::optional<std::int64_t> max_age_ms;
};
/// Send Admitted{path, number} as soon as the task may have its resources, not before `not_before`; Rejected
/// if it never may.
struct Admit {
  std::string path;
  std::int64_t number = 1;  ///< of the attempt that will start
  ir::Resources resources;
  std::string pool;
  Time not_before{};
};
struct StartAttempt {
  std::string path;
  std::int64_t number = 1;
  Fence fence;
  TaskSpec work;
};
struct CancelAttempt {
  Fence fence;
};
/// The attempt's time-out: send TimerFired{path, number} at `due` (or as soon as possible afterwards).
struct SetTimer {
  std::string path;
  std::int64_t number = 1;
  Time due{};
};
using Command = std::variant<LookUp, Admit, StartAttempt, CancelAttempt, SetTimer>;

// Inputs: results of commands, and requests of users. Each may arrive late or twice; one that no longer
// applies is ignored.

struct LookedUp {
  std::string path;
  Digest key;
  struct Hit {
    Struct outputs;
    RunId run;
    std::string path;
  } hit;
};
/// The task has its resources, and its attempt is to start now.
struct Admitted {
  std::string path;
  std::int64_t number = 1;
  std::optional<Digest> key;  ///< of a first attempt that was looked up; nullopt: its work cannot be cached
  std::vector<std::int64_t> gpus;
};
/// The task can never have the resources that it needs.
struct Rejected {
  std::string path;
  std::string message;
};
struct AttemptFinished {
  std::string path;
  std::int64_t number = 1;
  Outcome outcome;
};
struct TimerFired {
  std::string path;
  std::int64_t number = 1;
};
struct CancelRun {
  std::string reason;
};
/// The run has used more than it may (Limits): everything is cancelled, and the run fails with this message.
struct LimitExceeded {
  std::string message;
};
using Input =
    std::variant<LookedUp, Admitted, Rejected, AttemptFinished, TimerFired, CancelRun, LimitExceeded>;

}  // namespace sluice::engine
