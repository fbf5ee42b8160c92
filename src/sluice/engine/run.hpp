#pragma once
#include <memory>
#include <vector>

#include "sluice/engine/command.hpp"
#include "sluice/engine/event.hpp"
#include "sluice/engine/limits.hpp"
#include "sluice/ir/plan.hpp"
#include "sluice/ir/signature.hpp"

namespace sluice::engine {

/// What follows from one input: events to store first, then commands to carry out.
struct Decision {
  std::vector<Event> events;
  std::vector<Command> commands;  ///< those that follow from these events
  bool more = false;  ///< the budget of a decision was spent: call `Run::proceed` once the events are stored
};

/// One run: a pure state machine over its events. It uses no clock, file, socket, thread or randomness. Not
/// thread-safe.
///
/// `proceed` and `decide` determine what follows, apply it, and return the events, at most about a thousand
/// at once. A caller that cannot store them discards the Run and replays the journal. `apply` is a
/// deterministic fold: replaying gives the same state.
class Run {
 public:
  /// `plan` is the verified plan of `created.plan`; `services` says which services may be cached. Both
  /// outlive the run. Of `limits`, the engine observes `operations`.
  Run(std::shared_ptr<const ir::Plan> plan, const RunCreated& created, const ir::Signatures& services,
      const Limits& limits = {});
  ~Run();
  Run(Run&&) noexcept;
  Run& operator=(Run&&) noexcept;

  /// Continues a run of a journal in another process: after a replay, before anything else. Only the claim.
  Decision claim(Time now);
  /// What is left to decide: after RunCreated (which the caller stores in front of it), after a replay, and
  /// after a decision with `more`. Empty if that is nothing.
  Decision proceed(Time now);
  Decision decide(Input input, Time now);
  /// Events after RunCreated, in the order of the journal; only before the first decision. Fails on an event
  /// that cannot occur in the run's current state.
  Result<void> apply(const Event& event);
  /// All outstanding commands: what to carry out after a replay.
  [[nodiscard]] std::vector<Command> open_commands() const;

  [[nodiscard]] bool ended() const;
  /// Null while the run has not ended.
  [[nodiscard]] const RunEnded* result() const;
  /// SHA-256 over the complete state, except for what the plan determines. For tests: equal states have equal
  /// fingerprints.
  [[nodiscard]] Digest fingerprint() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The cache key of a piece of work (see docs/cache.md): SHA-256 of canonical JSON. A path of an output is
/// replaced by the output's number in the order in which the plan declares the outputs, so that renaming an
/// output does not change the key, unless one is optional; declaring outputs in another order does.
/// `environment` is what the executor returns for everything else.
Digest cache_key(const TaskSpec& work, const Value& environment, const Value& user_key,
                 std::string_view scope);

}  // namespace sluice::engine
