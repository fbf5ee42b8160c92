#pragma once
#include <future>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "places.hpp"
#include "result_assertions.hpp"
#include "services.hpp"
#include "sluice/base/json.hpp"
#include "sluice/base/log.hpp"
#include "sluice/driver/driver.hpp"
#include "sluice/executors/process/process_executor.hpp"
#include "sluice/executors/service/service_executor.hpp"
#include "sluice/ir/parse.hpp"
#include "sluice/ir/verify.hpp"
#include "sluice/os/files.hpp"
#include "sluice/stores/directory/directory_object_store.hpp"
#include "sluice/stores/sqlite/sqlite_ledger.hpp"
#include "waiting.hpp"

namespace sluice::test {

/// The system clock, which the test can move forward and back.
class MovedClock final : public Clock {
 public:
  [[nodiscard]] Time now() const override { return system_.now() + Milliseconds(ahead_.load()); }
  [[nodiscard]] std::chrono::nanoseconds steady() const override { return system_.steady(); }
  void go_forward(Milliseconds by) { ahead_ += by.count(); }
  void go_back(Milliseconds by) { ahead_ -= by.count(); }

 private:
  SystemClock system_;
  std::atomic<std::int64_t> ahead_ = 0;
};

/// The ledger's journal, on a disk that may be full and in a memory that may be exhausted.
class FullableJournal final : public ports::Journal {
 public:
  explicit FullableJournal(ports::Journal& journal) : journal_(journal) {}
  Result<void> append(const std::vector<ports::Append>& batch, ports::Durability durability) override {
    if (durability == ports::Durability::power) ++synced;
    if (no_memory) throw std::bad_alloc();
    if (!full) return journal_.append(batch, durability);
    ++refused;
    return Fail(environment_error(Code::disk_full, "no space left"));
  }
  [[nodiscard]] Result<std::uint64_t> length(const RunId& run) const override { return journal_.length(run); }
  [[nodiscard]] Result<std::vector<std::string>> read(const RunId& run, std::uint64_t from,
                                                      std::size_t limit) const override {
    return journal_.read(run, from, limit);
  }
  std::atomic<bool> full = false;
  std::atomic<bool> no_memory = false;
  std::atomic<int> refused = 0;
  std::atomic<int> synced = 0;  ///< appends that are to survive a loss of power

 private:
  ports::Journal& journal_;
};

/// A data folder with real stores, and the services of the test: what remains after a crash.
struct Stage {
  os::TemporaryDirectory folder =
      value_of(os::TemporaryDirectory::make(std::filesystem::temp_directory_path(), "sluice-driver-"));
  MovedClock clock;
  std::unique_ptr<stores::DirectoryObjectStore> objects =
      value_of(stores::DirectoryObjectStore::open(folder.path() / "objects", folder.path() / "cache", clock));
  std::unique_ptr<stores::SqliteLedger> ledger =
      value_of(stores::SqliteLedger::open(folder.path() / "ledger.db"));
  FullableJournal journal_port{*ledger};
  std::vector<std::unique_ptr<WrittenService>> services;
  ir::Signatures signatures;

  Stage() { log::set_level(log::Level::off); }

  /// Adds a service `name` with an input `value` and an output `value`.
  WrittenService& serve(const std::string& name, WrittenService::Work work,
                        ir::Effect effect = ir::Effect::none) {
    const ir::Parameter value{.name = "value", .type = any_type(), .optional = true};
    signatures.push_back(
        {.name = name, .version = "1.0.0", .effect = effect, .inputs = {value}, .outputs = {value}});
    services.push_back(std::make_unique<WrittenService>(signatures.back(), std::move(work)));
    return *services.back();
  }
  /// Adds a service that returns its arguments.
  WrittenService& serve_echo(const std::string& name = "test.echo") {
    return serve(name, [](const ports::ServiceCall& call) -> Result<Struct> { return call.with; });
  }

  std::shared_ptr<const ir::Plan> plan(const std::string& text) const {
    auto lowered = value_of(ir::parse_plan(text, "plan.yaml"));
    EXPECT_TRUE(lowered.problems.empty()) << syntax::render("plan.yaml", lowered.problems);
    const auto problems = ir::verify(lowered.plan, signatures);
    EXPECT_TRUE(problems.empty()) << syntax::render("plan.yaml", problems);
    return std::make_shared<const ir::Plan>(std::move(lowered.plan));
  }

  [[nodiscard]] std::vector<engine::Event> journal(const std::string& run) const {
    std::vector<engine::Event> events;
    for (const auto& text : value_of(ledger->read({run}))) events.push_back(value_of(engine::decode(text)));
    return events;
  }
  /// The events of one kind, in order.
  template <typename Event>
  [[nodiscard]] std::vector<Event> events(const std::string& run) const {
    std::vector<Event> out;
    for (auto& event : journal(run))
      if (auto* wanted = std::get_if<Event>(&event)) out.push_back(std::move(*wanted));
    return out;
  }
  [[nodiscard]] ports::RunRow row(const std::string& run) const {
    const auto rows = value_of(ledger->runs({.id_prefix = run}));
    EXPECT_EQ(rows.size(), 1U);
    return rows.at(0);
  }
};

/// One server on a stage: a driver and its executors. Destroyed at any moment, it leaves what a crash leaves.
class Server {
 public:
  explicit Server(Stage& stage, const engine::Limits& limits = {}, driver::Capacity slots = {})
      : stage_(stage),
        driver_({.journal = stage.journal_port,
                 .index = *stage.ledger,
                 .objects = *stage.objects,
                 .clock = stage.clock,
                 .services = stage.signatures,
                 .limits = limits,
                 .slots = std::move(slots)}),
        process_(stage.folder.path(), *stage.objects, driver_, stage.clock,
                 test::release_program("sluice-supervisor")),
        service_({.work = stage.folder.path() / "work"}, borrowed(stage), driver_, stage.clock) {
    EXPECT_OK(driver_.begin({{engine::TaskSpec::Kind::process, &process_},
                             {engine::TaskSpec::Kind::container, &process_},
                             {engine::TaskSpec::Kind::service, &service_}}));
  }
  ~Server() { driver_.end(); }

  /// Starts a run of the plan's `main`.
  void start(const std::string& run, const std::string& text, bool cache = true) {
    const auto plan = stage_.plan(text);
    engine::RunCreated created{.run = {run},
                               .name = "plan.yaml",
                               .pipeline = "main",
                               .plan = ir::print_plan(*plan),
                               .cache = cache,
                               .at = stage_.clock.now()};
    created.plan_digest = Digest::of(created.plan);
    EXPECT_OK(driver_.start(std::move(created), plan));
  }
  /// Waits until the run has ended, or stopped.
  void wait(const std::string& run) {
    while (driver_.is_running({run})) {
      std::promise<void> called;
      driver_.notify_when_longer({run}, UINT64_MAX, stage_.clock.now() + std::chrono::hours(1),
                                 [&] { called.set_value(); });
      called.get_future().wait();
    }
  }
  /// Starts it, waits, and returns how it ended.
  engine::RunEnded run(const std::string& run, const std::string& text, bool cache = true) {
    start(run, text, cache);
    return end_of(run);
  }
  engine::RunEnded end_of(const std::string& run) {
    wait(run);
    const auto ends = stage_.events<engine::RunEnded>(run);
    EXPECT_EQ(ends.size(), 1U) << run << " has no end";
    return ends.empty() ? engine::RunEnded{} : ends.front();
  }
  driver::Driver& driver() { return driver_; }
  ports::Executor& process() { return process_; }

 private:
  static std::vector<ports::Service*> borrowed(const Stage& stage) {
    std::vector<ports::Service*> out;
    for (const auto& service : stage.services) out.push_back(service.get());
    return out;
  }

  Stage& stage_;
  driver::Driver driver_;
  executors::ProcessExecutor process_;
  executors::ServiceExecutor service_;
};

}  // namespace sluice::test
