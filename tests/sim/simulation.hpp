#pragma once
#include <memory>
#include <optional>

#include "faults.hpp"
#include "oracles.hpp"
#include "sim_executor.hpp"
#include "sim_journal.hpp"
#include "sluice/domain/runs/runs.hpp"
#include "timeline.hpp"

namespace sluice::sim {

struct Life {
  std::uint64_t events = 0;
  std::uint64_t hash = 0;    ///< over all events
  std::uint64_t deaths = 0;  ///< of the server
};

/// One life of a server and of what is around it, by one seed. First with faults; then they stop, and every
/// run has to end.
class Simulation {
 public:
  Simulation(std::uint64_t seed, const ir::Frontend& frontend, const ports::ObjectStore& objects);
  ~Simulation();

  /// Lives it. Throws a Violation.
  Life run();
  /// The plans, for whoever looks into a violation.
  [[nodiscard]] const std::vector<std::string>& plans() const { return plans_; }
  [[nodiscard]] const SimJournal& journal() const { return journal_; }

 private:
  class Server;

  void plan_faults();
  void disturb();
  void submit(const std::string& plan);
  void cancel_one();
  /// Does something with the server, which may die of it.
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
  std::unique_ptr<Server> server_;
  std::vector<std::string> plans_;
  std::optional<Milliseconds> awake_at_;  ///< when the server looks at its timers
  Milliseconds disk_was_full_{-1'000'000};
  bool disk_full_ = false;
  Life life_;
};

}  // namespace sluice::sim
