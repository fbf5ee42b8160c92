#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sluice/engine/event.hpp"

namespace sluice::sim {

/// When something happened in a run: the number of its event in the journal.
using Moment = std::uint64_t;
inline constexpr Moment never = UINT64_MAX;

/// How an operation, an iteration or a run ended.
struct Ending {
  engine::Status status = engine::Status::succeeded;
  Struct outputs;
  engine::Failure failure;
};

/// One attempt of a task.
struct Attempt {
  Moment scheduled = 0;
  Moment ended = never;
  engine::Outcome outcome;
  bool timed_out = false;
  Time scheduled_at{};
  std::optional<engine::RetryAt> retry;  ///< what was decided after it
};

/// What a journal says about one operation.
struct OperationHistory {
  Moment began = never;  ///< it was given its arguments; never: it ended without
  Moment ended = never;
  Ending ending;
  Time ended_at{};

  engine::TaskReady ready;        ///< of a task that began
  engine::RegionStarted started;  ///< of anything else that began
  Moment found = never;           ///< in the cache; never: it was not looked up, or there was nothing
  Struct cached;                  ///< the outputs of the cache hit
  std::vector<Attempt> attempts;

  struct Iteration {
    Moment began = never;
    Moment ended = never;
    Ending ending;
  };
  std::map<std::int64_t, Iteration> iterations;
};

/// What the journal of one run says, by operation instead of in order. For the reference.
struct History {
  engine::RunCreated created;
  std::map<std::string, OperationHistory> operations;  ///< by path
  std::optional<engine::Stopping> stopping;            ///< of the whole run
  Moment stopped = never;
  Moment ended = never;
  Ending ending;

  void add(Moment moment, const engine::Event& event);
};

}  // namespace sluice::sim
