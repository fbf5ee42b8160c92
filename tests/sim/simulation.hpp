#pragma once
#include <memory>
#include <optional>

#include "faults.hpp"
#include "oracles.hpp"
#include "sim_executor.hpp"
#include "sim_journal.hpp"
#include "sluice/domain/runs/runs.hpp"
#include "sluice/driver/slots.hpp"
#include "timeline.hpp"

namespace sluice::sim {

/// What one simulation did.
struct Summary {
  std::uint64_t events = 0;
  std::uint64_t hash = 0;    ///< over all events
  std::uint64_t deaths = 0;  ///< of the server
};

/// The simulation of one seed: a server and its environment. Faults occur for a while; then they stop, and
/// every run has to end.
class Simulation {
 public:
  Simulation(std::uint64_t seed, const ir::Frontend& frontend, const ports::ObjectStore& objects);
  ~Simulation();

  /// Runs to the end. Throws a Violation.
  Summary run();
  /// The plans, for analyzing a violation.
  [[nodiscard]] const std::vector<std::string>& plans() const { return plans_; }
  [[nodiscard]] const SimJournal& journal() const { return journal_; }

 private:
  class Server;
  class Engine;

  void plan_faults();
  void inject_fault();
  void submit(const std::string& plan);
  void cancel_one();
  /// Calls `action` with the engine's server, if it runs; it may be killed by that.
  void with_server(Engine& engine, const std::function<void(Server&)>& action);
  void wake(Engine& engine);
  void pump(Engine& engine);
  void kill(Engine& engine);
  void cut_power();
  void start(Engine& engine);
  void claim_one();
  void sweep();
  void check_replay(const Server& server);
  void check_end();

  Faults faults_;
  VirtualClock clock_;
  Timeline timeline_{clock_};
  runs::Dialects dialects_;
  const ports::ObjectStore& objects_;
  Oracles oracles_;
  SimJournal journal_;
  Effects effects_;
  SimExecutor processes_;
  std::unique_ptr<Engine> main_;
  std::unique_ptr<Engine> rival_;  ///< a second server on the same journal, which claims runs
  std::vector<std::string> plans_;
  engine::Limits limits_;
  driver::Capacity slots_;
  Milliseconds disk_was_full_{-1'000'000};
  bool disk_full_ = false;
  Summary summary_;
};

}  // namespace sluice::sim
