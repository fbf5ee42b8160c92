#include "simulation.hpp"

#include "random_plan.hpp"
#include "sluice/base/log.hpp"
#include "sluice/driver/dispatcher.hpp"
#include "violation.hpp"

namespace sluice::sim {

using namespace std::chrono_literals;

namespace {

constexpr auto faults_last = 40s;
/// No run of a random plan takes this long once the faults have stopped.
constexpr auto patience = std::chrono::hours(2);

}  // namespace

/// The server's process: the state that is lost when it dies.
class Simulation::Server final : public ports::RunControl {
 public:
  Server(Simulation& life, SimExecutor& services, const driver::Dispatcher::Ports& ports)
      : dispatcher(ports),
        runs({.control = *this,
              .journal = life.journal_,
              .index = life.journal_,
              .objects = life.objects_,
              .clock = life.clock_,
              .random = life.faults_.random},
             life.dialects_) {
    SLUICE_CHECK(dispatcher.set_executors({{engine::TaskSpec::Kind::process, &life.processes_},
                                           {engine::TaskSpec::Kind::container, &life.processes_},
                                           {engine::TaskSpec::Kind::service, &services}}));
  }

  Result<void> start(engine::RunCreated created, std::shared_ptr<const ir::Plan> plan,
                     ports::RunOrigin origin) override {
    return dispatcher.start(std::move(created), std::move(plan), std::move(origin));
  }
  Result<void> resume(const RunId& run) override { return dispatcher.resume(run); }
  Result<void> cancel(const RunId& run, std::string reason) override {
    return dispatcher.cancel(run, std::move(reason));
  }
  [[nodiscard]] bool is_running(const RunId& run) const override { return dispatcher.is_running(run); }
  void notify_when_longer(const RunId&, std::uint64_t, Time, std::move_only_function<void()> done) override {
    done();
  }

  void end_resuming(bool) override { resumed = true; }

  driver::Dispatcher dispatcher;
  runs::Runs runs;
  bool resumed = false;  ///< all runs; the executors are notified once their commands have been carried out
};

/// A server, running or not, and what dies with it: its service calls and its worker threads.
class Simulation::Engine final : public driver::Workers {
 public:
  explicit Engine(Simulation& life)
      : services(SimExecutor::Lifetime::server, life.faults_, life.timeline_, life.clock_, life.oracles_,
                 life.effects_,
                 [&life, this](const auto& fence, const auto& outcome) {
                   life.with_server(*this, [&](Server& s) { s.dispatcher.ended(fence, outcome); });
                 }),
        life_(life) {}

  /// Jobs take a moment, and are lost with the server.
  void run(const RunId&, std::move_only_function<Then()> job) override {
    constexpr std::int64_t usual_ms = 5;
    auto shared = std::make_shared<std::move_only_function<Then()>>(std::move(job));
    life_.timeline_.after(life_.faults_.pause(usual_ms), [this, shared, generation = deaths] {
      if (generation == deaths) life_.with_server(*this, [&](Server&) { (*shared)()(); });
    });
  }

  SimExecutor services;
  std::unique_ptr<Server> server;
  std::optional<Milliseconds> awake_at;  ///< when the server checks its timers
  std::uint64_t deaths = 0;

 private:
  Simulation& life_;
};

Simulation::Simulation(std::uint64_t seed, const ir::Frontend& frontend, const ports::ObjectStore& objects)
    : faults_(seed),
      dialects_({.frontends = {&frontend}, .services = services()}),
      objects_(objects),
      oracles_(dialects_.services),
      journal_(faults_, [this](const auto& batch) { oracles_.check(batch); }),
      processes_(SimExecutor::Lifetime::supervisor, faults_, timeline_, clock_, oracles_, effects_,
                 [this](const auto& fence, const auto& outcome) {
                   for (auto* engine : {main_.get(), rival_.get()})
                     with_server(*engine, [&](Server& server) { server.dispatcher.ended(fence, outcome); });
                 }),
      main_(std::make_unique<Engine>(*this)),
      rival_(std::make_unique<Engine>(*this)) {}

Simulation::~Simulation() = default;

Summary Simulation::run() {
  plan_faults();
  start(*main_);
  while (timeline_.step())
    if (clock_.since_start() > faults_last + patience)
      throw Violation("a run does not end although the faults have stopped");
  check_end();
  summary_.events = oracles_.events();
  summary_.hash = oracles_.hash();
  return summary_;
}

void Simulation::plan_faults() {
  auto& random = faults_.random;
  constexpr std::array<std::uint64_t, 4> kill_rates{0, 30, 100, 400};
  faults_.calls_between_kills = kill_rates[random.below(kill_rates.size())];
  constexpr std::array hanging_rates{0U, 3U, 20U};
  faults_.hanging_percent = hanging_rates[random.below(hanging_rates.size())];
  constexpr std::array failing_rates{12U, 12U, 50U};
  faults_.failing_percent = failing_rates[random.below(failing_rates.size())];
  if (faults_.chance(10)) faults_.lost_percent = 70;
  if (faults_.chance(50)) {  // so small that few operations reach them
    limits_.decision_events = 1 + random.below(8);
    limits_.iterations_at_once = 1 + static_cast<std::int64_t>(random.below(3));
    limits_.operations_in_iterations = 1 + random.below(8);
  }
  if (faults_.chance(50)) slots_.cpu = 2'000 + static_cast<std::int64_t>(random.below(3)) * 1'000;
  slots_.gpu = 1 + static_cast<std::int64_t>(random.below(2));
  slots_.pools.emplace("narrow", 1 + static_cast<std::int64_t>(random.below(2)));
  const auto plans = 1 + random.below(2);
  for (std::uint64_t i = 0; i < plans; ++i) plans_.push_back(random_plan(random));
  const auto submissions = 1 + random.below(4);
  for (std::uint64_t i = 0; i < submissions; ++i)
    timeline_.after(faults_.pause(20'000),
                    [this, plan = plans_[random.below(plans_.size())]] { submit(plan); });
  if (faults_.chance(50)) timeline_.after(faults_.pause(40'000), [this] { cancel_one(); });
  const auto faults = random.below(8);
  for (std::uint64_t i = 0; i < faults; ++i)
    timeline_.after(faults_.pause(35'000), [this] { inject_fault(); });
  if (faults_.chance(30)) {
    timeline_.after(faults_.pause(20'000), [this] { start(*rival_); });
    const auto claims = 1 + random.below(8);
    for (std::uint64_t i = 0; i < claims; ++i)
      timeline_.after(faults_.pause(38'000), [this] { claim_one(); });
    timeline_.after(1s, [this] { sweep(); });
  } else {
    processes_.set_capacity(slots_);  // two servers have twice as many slots
  }
  timeline_.after(faults_last, [this] {
    if (rival_->server) kill(*rival_);
    if (main_->server && faults_.chance(50)) kill(*main_);
    faults_.on = false;
    disk_full_ = false;
    journal_.set_full(false);
    processes_.end_hanging();
    main_->services.end_hanging();
  });
}

void Simulation::inject_fault() {
  switch (faults_.random.below(6)) {
    case 0: return kill(faults_.chance(70) ? *main_ : *rival_);
    case 1: return processes_.supervisor_died();
    case 2: return cut_power();
    case 3:
      disk_full_ = true;
      journal_.set_full(true);
      timeline_.after(faults_.pause(10'000), [this] {
        if (disk_full_) disk_was_full_ = clock_.since_start();
        disk_full_ = false;
        journal_.set_full(false);
      });
      return;
    case 4: return clock_.jump(faults_.pause(120'000) - 60s);
    case 5:
      // Both at the same time: the one that restarts first must not rely on the state of the other.
      processes_.supervisor_died();
      return kill(*main_);
  }
}

void Simulation::submit(const std::string& plan) {
  with_server(*main_, [&](Server& server) {
    const auto run = server.runs.submit({.text = plan,
                                         .file = "random.yaml",
                                         .inputs = {},
                                         .code = {},
                                         .principal = {},
                                         .cache = !faults_.chance(10)});
    if (run) return;
    if (!disk_full_) throw Violation("a random plan was rejected: " + run.error().message);
    timeline_.after(1s, [this, plan] { submit(plan); });
  });
}

void Simulation::cancel_one() {
  with_server(*main_, [&](Server& server) {
    const auto rows = server.runs.list({.status = "running"});
    if (rows && !rows->empty())
      static_cast<void>(server.runs.cancel("default", (*rows)[faults_.random.below(rows->size())].id.text,
                                           "no longer wanted"));
  });
  // A server may be killed before a cancellation has reached the executor.
  if (faults_.chance(50)) timeline_.after(faults_.pause(200), [this] { kill(*main_); });
}

void Simulation::with_server(Engine& engine, const std::function<void(Server&)>& action) {
  if (!engine.server) return;
  try {
    action(*engine.server);
    // Several inputs may be decided in one batch.
    if (faults_.chance(70))
      pump(engine);
    else
      timeline_.after(faults_.pause(3), [this, &engine] { wake(engine); });
  } catch (const Killed&) {
    kill(engine);
  }
}

void Simulation::wake(Engine& engine) {
  if (!engine.server) return;
  try {
    pump(engine);
  } catch (const Killed&) {
    kill(engine);
  }
}

void Simulation::pump(Engine& engine) {
  auto& server = *engine.server;
  server.dispatcher.advance();
  server.dispatcher.store_and_carry_out();
  // Attempts of runs that another server has claimed are not forgotten.
  if (std::exchange(server.resumed, false))
    server.dispatcher.end_resuming(!rival_->server && rival_->deaths == 0);
  if (faults_.chance(3)) check_replay(server);
  const auto due = server.dispatcher.next_due();
  if (!due) return;
  const auto at = clock_.since_start() + std::max(*due - clock_.now(), Milliseconds(1));
  if (engine.awake_at && *engine.awake_at > clock_.since_start() && *engine.awake_at <= at) return;
  engine.awake_at = at;
  timeline_.after(at - clock_.since_start(), [this, &engine] { wake(engine); });
}

/// Does nothing if it is dead already. A rival stays dead.
void Simulation::kill(Engine& engine) {
  if (!engine.server) return;
  ++summary_.deaths;
  ++engine.deaths;
  engine.server.reset();
  engine.services.server_died();
  if (&engine != main_.get()) return;
  processes_.server_died();
  timeline_.after(faults_.pause(2'000), [this] { start(*main_); });
}

void Simulation::cut_power() {
  kill(*main_);
  kill(*rival_);
  processes_.power_cut();
  main_->services.power_cut();
  rival_->services.power_cut();
  journal_.cut_power();
  oracles_.rebuild(journal_.transactions());
}

void Simulation::start(Engine& engine) {
  if (engine.server || (&engine == rival_.get() && !faults_.on)) return;
  engine.awake_at.reset();
  engine.server = std::make_unique<Server>(*this, engine.services,
                                           driver::Dispatcher::Ports{.journal = journal_,
                                                                     .index = journal_,
                                                                     .objects = objects_,
                                                                     .clock = clock_,
                                                                     .services = dialects_.services,
                                                                     .limits = limits_,
                                                                     .slots = slots_,
                                                                     .workers = &engine});
  if (&engine == rival_.get()) return;
  with_server(engine, [](Server& server) {
    if (const auto resumed = server.runs.resume_all(); !resumed)
      throw Violation("runs cannot be resumed: " + resumed.error().message);
  });
}

/// The rival claims a run, whoever has it.
void Simulation::claim_one() {
  with_server(*rival_, [&](Server& server) {
    const auto rows = server.runs.list({.status = "running"});
    if (rows && !rows->empty())
      static_cast<void>(server.dispatcher.resume((*rows)[faults_.random.below(rows->size())].id));
  });
}

/// The main server claims runs that nobody has any more, since the rival died. (Other servers would notice
/// that by a lease that expires.)
void Simulation::sweep() {
  const auto rows = journal_.runs({.workspace = "", .status = "running", .limit = SIZE_MAX});
  for (const auto& row : *rows) {
    const auto has_it = [&](const Engine& engine) {
      return engine.server && engine.server->is_running(row.id);
    };
    if (!has_it(*main_) && !has_it(*rival_))
      with_server(*main_, [&](Server& server) { static_cast<void>(server.dispatcher.resume(row.id)); });
  }
  if (faults_.on || !rows->empty()) timeline_.after(2s, [this] { sweep(); });
}

/// Checks that each journal replays to the state that the server holds.
void Simulation::check_replay(const Server& server) {
  // Events that could not be stored yet are not in the journal.
  if (disk_full_ || clock_.since_start() - disk_was_full_ < 10s) return;
  const auto rows = journal_.runs({.workspace = "", .status = "running", .limit = SIZE_MAX});
  for (const auto& row : *rows) {
    const auto* live = server.dispatcher.find(row.id);
    if (live == nullptr) continue;
    const bool lost = live->next != *journal_.length(row.id);  // to the other server, and not noticed yet
    if (lost && (rival_->server || rival_->deaths > 0)) continue;
    const auto again = driver::replay(row.id, journal_, dialects_.services);
    if (!again) throw Violation("a journal does not replay: " + again.error().message);
    const auto& replayed = **again;
    if (replayed.run.fingerprint() != live->run.fingerprint())
      throw Violation("run " + row.id.text + " replays to a different state");
    if (replayed.next != live->next || replayed.row != live->row || replayed.keys != live->keys)
      throw Violation("run " + row.id.text + " replays to a different length, row or cache key");
  }
}

void Simulation::check_end() {
  const auto rows = journal_.runs({.workspace = "", .limit = SIZE_MAX});
  for (const auto& row : *rows) {
    if (row.status == "running")
      throw Violation("run " + row.id.text + " has not ended, but nothing is left to do");
    const auto again = driver::project(*journal_.read(row.id, 0, SIZE_MAX));
    if (!again || *again != row)
      throw Violation("the row of run " + row.id.text + " does not match its journal");
  }
}

}  // namespace sluice::sim
