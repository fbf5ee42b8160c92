#pragma once
#include <optional>
#include <string>
#include <variant>

#include "sluice/engine/event.hpp"

namespace sluice::engine {

// Commands: what the driver has to carry out. The outstanding ones are a function of the run's state.

struct LookUp {
  std::string path;
  TaskSpec work;
  std::string scope;  ///< "" or "run", from the plan's `cache`
  Value user_key;     ///< null: none
  std::optional<std::int64_t> max_age_ms;
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
/// Send TimerFired{path, number} at `due` (or as soon as possible afterwards).
struct SetTimer {
  std::string path;
  std::int64_t number = 1;
  Time due{};
};
using Command = std::variant<LookUp, StartAttempt, CancelAttempt, SetTimer>;

// Inputs: results of commands, and requests of users. Each may arrive late or twice; one that no longer
// applies is ignored.

struct LookedUp {
  std::string path;
  std::optional<Digest> key;  ///< nullopt: this work cannot be cached
  struct Hit {
    Struct outputs;
    RunId run;
    std::string path;
  };
  std::optional<Hit> hit;
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
using Input = std::variant<LookedUp, AttemptFinished, TimerFired, CancelRun, LimitExceeded>;

}  // namespace sluice::engine
