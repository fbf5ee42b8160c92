#pragma once
// A live run, and how it is replayed from its journal. Private to the driver.
#include <memory>
#include <optional>
#include <unordered_map>

#include "sluice/engine/run.hpp"
#include "sluice/ir/signature.hpp"
#include "sluice/ports/executor.hpp"
#include "sluice/ports/ledger.hpp"

namespace sluice::driver {

/// A run that is running in this process: the engine's state, and what the driver must know besides it.
struct LiveRun {
  engine::RunCreated created;
  engine::Run run;
  std::uint64_t next = 0;       ///< length of its journal
  std::uint64_t bytes = 0;      ///< in all its events, those that are not stored yet included
  bool claimed = true;          ///< false: the claim of a resumed run is not stored yet
  bool limit_exceeded = false;  ///< and the engine has decided that
  bool more = false;            ///< its last decision spent its budget, and the next one continues
  ports::RunRow row;
  std::unordered_map<std::string, Digest> keys;  ///< of attempts in flight, by path
  std::size_t attempts = 0;                      ///< that were started here and have not ended

  // Decided, but not stored yet.
  std::vector<std::string> events;
  std::vector<ports::CacheEntry> cache;
  std::vector<ports::CacheUse> used;
  std::vector<engine::Command> commands;
  bool row_changed = false;
  bool must_sync = false;
  /// Attempts that have ended; acknowledged to their executors once that is stored.
  std::vector<std::pair<Fence, ports::Executor*>> unacknowledged;
  bool waits_for_store = false;  ///< it is among the dispatcher's changed runs
  /// When to retry storing its events, which failed. By the steady clock, so that setting the system clock
  /// does not delay it.
  std::optional<std::chrono::nanoseconds> stalled_until;
  Milliseconds pause{};  ///< the last one between two such retries

  /// Updates `row`, `keys` and `cache` for an event; `fresh`: it is not in the journal yet.
  void follow(const engine::Event& event, bool fresh);
  /// Takes the events of a decision, and whether it continues.
  void take(const engine::Decision& decision);
};

ports::RunRow row_of(const engine::RunCreated& created);

/// The run, replayed from its journal, of which it holds some hundred events at a time. Code::not_found if
/// there is none.
Result<std::unique_ptr<LiveRun>> replay(const RunId& run, const ports::Journal& journal,
                                        const ir::Signatures& services, const engine::Limits& limits = {});

/// The run's row, derived from its journal alone, for rebuilding projections.
Result<ports::RunRow> project(const std::vector<std::string>& journal);

}  // namespace sluice::driver
