#pragma once
#include <map>
#include <set>
#include <unordered_map>

#include "faults.hpp"
#include "oracles.hpp"
#include "sluice/ports/executor.hpp"
#include "timeline.hpp"

namespace sluice::sim {

/// What the work gives, whoever does it: one of ten integers, by all that the work consists of.
std::int64_t answer_of(const Value& call);

/// Effects that services have had, by key. They outlive everything.
using Effects = std::map<std::string, std::int64_t>;

/// Runs attempts in simulated time. Ends come back late, and some of them twice.
class SimExecutor final : public ports::Executor {
 public:
  enum class Life {
    of_a_supervisor,  ///< attempts go on while no server is there, and are taken up
    of_the_server,    ///< attempts die with it
  };
  /// `tell` brings an outcome to the server that is up; where none is, the outcome is lost.
  using Tell = std::function<void(const Fence&, const engine::Outcome&)>;
  SimExecutor(Life life, Faults& faults, Timeline& timeline, const Clock& clock, Oracles& oracles,
              Effects& effects, Tell tell)
      : life_(life),
        faults_(faults),
        timeline_(timeline),
        clock_(clock),
        oracles_(oracles),
        effects_(effects),
        tell_(std::move(tell)) {}

  Result<Value> environment(const engine::Work& work) override;
  void start(const ports::Attempt& attempt) override;
  void cancel(const Fence& fence) override;
  void settled(const Fence& fence) override;
  void all_taken_up() override;
  [[nodiscard]] std::filesystem::path log_of(const RunId&, const std::string&, int) const override {
    return {};
  }

  /// What would never end by itself ends soon, but for what the server has to cancel.
  void end_hanging();
  void server_died();
  /// Everything that runs is lost; what has ended is remembered.
  void supervisor_died();
  /// Nothing is remembered.
  void power_cut();

 private:
  struct Task {
    ports::Attempt attempt;
    std::optional<engine::Outcome> outcome;  ///< none: it runs
  };
  void forget();
  void end(const std::string& fence, engine::Outcome outcome);
  void end_later(const ports::Attempt& attempt);
  void tell_later(const std::string& fence, const engine::Outcome& outcome);
  engine::Outcome outcome_of(const ports::Attempt& attempt);
  [[nodiscard]] engine::Outcome bad(engine::Outcome::Status status, std::string kind) const;

  Life life_;
  Faults& faults_;
  Timeline& timeline_;
  const Clock& clock_;
  Oracles& oracles_;
  Effects& effects_;
  Tell tell_;
  std::map<std::string, Task> tasks_;  ///< by fence
  std::set<std::string> begun_;        ///< fences, ever; those that may not begin again
  std::set<std::string> asked_;        ///< fences, by the server that is up
  std::uint64_t generation_ = 0;       ///< of those that end by themselves; others have been lost
  std::uint64_t server_deaths_ = 0;
  std::uint64_t memory_ = 0;  ///< replies of an earlier one are gone with it
};

}  // namespace sluice::sim
