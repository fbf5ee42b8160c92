#pragma once
#include <map>
#include <set>
#include <unordered_map>

#include "faults.hpp"
#include "oracles.hpp"
#include "sluice/driver/slots.hpp"
#include "sluice/ports/executor.hpp"
#include "timeline.hpp"

namespace sluice::sim {

/// The result of a piece of work: one of ten integers, computed from everything that the work consists of.
std::int64_t result_of(const Value& call);

/// Effects that services have had, by key. They survive every fault.
using Effects = std::map<std::string, std::int64_t>;

/// Runs attempts in simulated time. Outcomes are reported late, and some of them twice.
class SimExecutor final : public ports::Executor {
 public:
  enum class Lifetime {
    supervisor,  ///< attempts keep running without a server, and are reattached
    server,      ///< attempts die with the server
  };
  /// Reports an outcome to the running server; if there is none, the report is lost.
  using Report = std::function<void(const Fence&, const engine::Outcome&)>;
  SimExecutor(Lifetime lifetime, Faults& faults, Timeline& timeline, const Clock& clock, Oracles& oracles,
              Effects& effects, Report report)
      : lifetime_(lifetime),
        faults_(faults),
        timeline_(timeline),
        clock_(clock),
        oracles_(oracles),
        effects_(effects),
        report_(std::move(report)) {}

  Result<Value> environment(const engine::TaskSpec& work) override;
  void start(const ports::Attempt& attempt) override;
  void cancel(const Fence& fence) override;
  void abandon(const Fence& fence) override;
  void acknowledge(const Fence& fence) override;
  void all_reattached() override;
  [[nodiscard]] std::filesystem::path log_of(const RunId&, const std::string&, int) const override {
    return {};
  }

  /// What the attempts that run may use together; more is a violation.
  void set_capacity(driver::Capacity capacity) { capacity_ = std::move(capacity); }

  /// Lets hanging attempts end soon, except those that the server has to cancel.
  void end_hanging();
  void server_died();
  /// All running attempts are lost; outcomes of ended ones are kept.
  void supervisor_died();
  /// All attempts and outcomes are lost.
  void power_cut();

 private:
  struct Task {
    ports::Attempt attempt;
    std::optional<engine::Outcome> outcome;  ///< none: it is running
  };
  void lose_all();
  void end(const std::string& fence, engine::Outcome outcome);
  void end_later(const ports::Attempt& attempt);
  void report_later(const std::string& fence, const engine::Outcome& outcome);
  engine::Outcome outcome_of(const ports::Attempt& attempt);
  [[nodiscard]] engine::Outcome failure_outcome(engine::Outcome::Status status, std::string kind) const;

  void check_capacity() const;

  Lifetime lifetime_;
  std::optional<driver::Capacity> capacity_;
  Faults& faults_;
  Timeline& timeline_;
  const Clock& clock_;
  Oracles& oracles_;
  Effects& effects_;
  Report report_;
  std::map<std::string, Task> tasks_;  ///< by fence
  std::set<std::string> begun_;        ///< all fences that were started; none may start again
  std::set<std::string> requested_;    ///< fences that the running server has asked to start
  std::uint64_t generation_ = 0;       ///< of attempts; pending ends of earlier generations are void
  std::uint64_t server_deaths_ = 0;
  std::uint64_t memory_ = 0;  ///< counts losses of all state; pending reports of an earlier one are void
};

}  // namespace sluice::sim
