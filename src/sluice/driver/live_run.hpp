#pragma once
// The driver's own.
#include <memory>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "sluice/engine/run.hpp"
#include "sluice/ir/signature.hpp"
#include "sluice/ports/executor.hpp"
#include "sluice/ports/ledger.hpp"

namespace sluice::driver {

/// A run that goes on in this process: the engine's state and what the driver must know beside it.
struct LiveRun {
  engine::RunCreated created;
  engine::Run run;
  std::uint64_t next = 0;  ///< length of its journal
  ports::RunRow row;
  std::unordered_map<std::string, Digest> keys;  ///< of attempts under way, by path
  std::unordered_set<Fence> fences;              ///< of attempts that were started here

  // Decided, not stored yet.
  std::vector<std::string> events;
  std::vector<ports::CacheEntry> cache;
  std::vector<engine::Command> commands;
  bool row_changed = false;
  bool must_sync = false;
  /// Ended; their executors are told once that is stored.
  std::vector<std::pair<Fence, ports::Executor*>> unsettled;
  bool waits_for_store = false;  ///< is among the dispatcher's changed runs
  /// Its events could not be stored; when to try again, by the steady clock: no clock that is set holds it
  /// up.
  std::optional<std::chrono::nanoseconds> stalled_until;
  Milliseconds pause{};  ///< the last one between two such tries

  /// Keeps `row`, `keys` and `cache` in step with an event; `fresh`: it is not in the journal yet.
  void follow(const engine::Event& event, bool fresh);
  void take(engine::Decision decision);
};

ports::RunRow row_of(const engine::RunCreated& created);

/// The run as its journal tells it.
Result<std::unique_ptr<LiveRun>> replay(const RunId& run, const std::vector<std::string>& journal,
                                        const ir::Signatures& services);

/// The run's row from its journal alone, for rebuilding projections.
Result<ports::RunRow> project(const std::vector<std::string>& journal);

}  // namespace sluice::driver
