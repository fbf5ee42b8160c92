#pragma once
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sluice/engine/run.hpp"

namespace sluice::test {

/// How the attempts of tasks end, by path: a JSON object {PATH: [OUTCOME, …]}, where an outcome is "ok",
/// "fail", "lost", "never" (runs until it is cancelled) or {"outputs": {…}} or {"fail": MESSAGE}. Attempts
/// that are not listed succeed.
/// {"$cancel_after": N} cancels the run after N events.
using Script = Value;

/// Runs one plan against a script, with a virtual clock and a cache, inputs in the order of their arrival.
/// Holds the events as the journal would: encoded, one batch per decision.
class ScriptedRun {
 public:
  ScriptedRun(std::shared_ptr<const ir::Plan> plan, Struct inputs, Script script);

  /// Runs to the end, or until `batches_max` decisions have been stored.
  void go(std::size_t batches_max = SIZE_MAX);
  /// Forgets everything except the first `batches` of the journal, as a crash would, and resumes from there.
  void crash_and_replay(std::size_t batches);

  [[nodiscard]] const std::vector<std::vector<std::string>>& batches() const { return batches_; }
  [[nodiscard]] const engine::RunCreated& created() const { return created_; }
  [[nodiscard]] const engine::Run& run() const { return *run_; }
  /// The number of distinct attempts that were started, counted by fence.
  [[nodiscard]] std::size_t started() const { return started_.size(); }

 private:
  void take(engine::Decision decision);
  void ask_to_cancel();
  void carry_out(const engine::Command& command);
  std::optional<engine::Outcome> outcome_of(const engine::StartAttempt& attempt) const;

  std::shared_ptr<const ir::Plan> plan_;
  engine::RunCreated created_;
  Script script_;
  ir::Signatures services_;
  std::optional<engine::Run> run_;
  std::vector<std::vector<std::string>> batches_;
  std::deque<engine::Input> inputs_;
  std::multimap<Time, engine::Input> timers_;
  std::map<std::string, engine::StartAttempt> hanging_;  ///< by fence
  std::map<std::string, std::string> started_;           ///< fence → path
  std::map<std::string, engine::Outcome> ended_;         ///< by fence: what the executor still knows
  std::map<Digest, engine::LookedUp::Hit> cache_;
  Time now_{};
  std::size_t events_ = 0;
  bool cancelled_ = false;
  bool more_ = false;  ///< the last decision spent its budget, or the run was replayed
};

}  // namespace sluice::test
