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
  class Threads;

  void plan_faults();
  void inject_fault();
  void submit(const std::string& plan);
  void cancel_one();
  /// Calls `action` with the server, which may be killed by that.
  void with_server(const std::function<void(Server&)>& action);
  void wake_server();
  void pump(Server& server);
  void kill_server();
  void cut_power();
  void start_server();
  void check_replay();
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
  SimExecutor services_;
  std::unique_ptr<Threads> threads_;
  std::unique_ptr<Server> server_;
  std::vector<std::string> plans_;
  engine::Limits limits_;
  driver::Capacity slots_;
  std::optional<Milliseconds> awake_at_;  ///< when the server checks its timers
  Milliseconds disk_was_full_{-1'000'000};
  bool disk_full_ = false;
  Summary summary_;
};

}  // namespace sluice::sim
