#pragma once
#include <memory>
#include <vector>

#include "sluice/engine/command.hpp"
#include "sluice/engine/event.hpp"
#include "sluice/ir/plan.hpp"
#include "sluice/ir/signature.hpp"

namespace sluice::engine {

/// What follows from one input: events to store first, then commands to carry out.
struct Decision {
  std::vector<Event> events;
  std::vector<Command> commands;  ///< those that these events opened
};

/// The state of one run: a pure machine over its events. No clock, file, socket, thread or chance. Not
/// thread-safe.
///
/// `begin` and `decide` work out what follows, apply it, and hand back the events. A caller that cannot store
/// them throws the Run away and replays the journal. `apply` is a fold with no choice in it: replaying gives
/// the same state.
class Run {
 public:
  /// `plan` is the verified plan of `created.plan`; `services` tells which services may be cached. Both
  /// outlive the run.
  Run(std::shared_ptr<const ir::Plan> plan, const RunCreated& created, const ir::Signatures& services);
  ~Run();
  Run(Run&&) noexcept;
  Run& operator=(Run&&) noexcept;

  /// The first events after RunCreated (which the caller stores in front of them).
  Decision begin(Time now);
  Decision decide(const Input& input, Time now);
  /// Events after RunCreated, in the order of the journal. Fails on an event that this run cannot have had.
  Result<void> apply(const Event& event);
  /// Everything that is open now: what to carry out after a replay.
  [[nodiscard]] std::vector<Command> open_commands() const;

  [[nodiscard]] bool ended() const;
  /// Null while the run goes on.
  [[nodiscard]] const RunEnded* result() const;
  /// SHA-256 over the complete state, less what the plan fixes, for tests: equal states, equal fingerprints.
  [[nodiscard]] Digest fingerprint() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The cache key of a piece of work (see docs/cache.md): SHA-256 of canonical JSON. A path of an output is
/// replaced by the output's number in the order in which the plan declares the outputs, so that renaming one
/// is not new work; declaring them in another order is. `environment` is what the executor says about
/// everything else.
Digest cache_key(const Work& work, const Value& environment, const Value& user_key, std::string_view scope);

}  // namespace sluice::engine
