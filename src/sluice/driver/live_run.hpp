#pragma once
// The driver's own.
#include <unordered_map>

#include "sluice/driver/driver.hpp"
#include "sluice/engine/run.hpp"

namespace sluice::driver {

/// A run that goes on in this process: the engine's state and what the driver must know beside it.
struct LiveRun {
  engine::RunCreated created;
  engine::Run run;
  std::uint64_t next = 0;  ///< length of its journal
  ports::RunRow row;
  std::unordered_map<std::string, Digest> keys;  ///< of attempts under way, by path

  // Decided, not stored yet.
  std::vector<std::string> events;
  std::vector<ports::CacheEntry> cache;
  std::vector<engine::Command> commands;
  bool must_sync = false;
  bool waits_for_store = false;  ///< is among the driver's changed runs

  /// Keeps `row`, `keys` and `cache` in step with an event; `fresh`: it is not in the journal yet.
  void follow(const engine::Event& event, bool fresh);
  void take(engine::Decision decision);
};

ports::RunRow row_of(const engine::RunCreated& created);

/// The run as its journal tells it.
Result<std::unique_ptr<LiveRun>> replay(const RunId& run, const std::vector<std::string>& journal,
                                        const PlanReader& read_plan, const ir::Signatures& services);

/// The run's row from its journal alone, for rebuilding projections.
Result<ports::RunRow> project(const std::vector<std::string>& journal);

}  // namespace sluice::driver
