// Measures the engine and its dispatcher with an executor whose attempts finish immediately.
//   engine_bench memory|sqlite TASKS [LIMIT]   runs TASKS tasks of one `each`, prints JSON
//   engine_bench restart TASKS                 the same on SQLite, with a restart in the middle
#include <cstdlib>
#include <deque>
#include <optional>
#include <unordered_map>

#include <fmt/format.h>

#include "figures.hpp"
#include "sluice/driver/dispatcher.hpp"
#include "sluice/ir/plan.hpp"
#include "sluice/ir/verify.hpp"
#include "sluice/os/files.hpp"
#include "sluice/stores/directory/directory_object_store.hpp"
#include "sluice/stores/sqlite/sqlite_ledger.hpp"

namespace {

using namespace sluice;

using bench::good;
using bench::now;
using bench::resident_bytes;

/// A journal that stores events in memory, and nothing else.
class MemoryJournal final : public ports::Journal, public ports::RunIndex {
 public:
  Result<void> append(const std::vector<ports::Append>& batch, ports::Durability) override {
    for (const auto& append : batch) {
      auto& journal = journals_[append.run.text];
      if (journal.size() != append.expected_next)
        return Fail(environment_error(Code::conflict, "the journal has a different length"));
      journal.insert(journal.end(), append.events.begin(), append.events.end());
    }
    return {};
  }
  [[nodiscard]] Result<std::uint64_t> length(const RunId& run) const override {
    return journals_.at(run.text).size();
  }
  [[nodiscard]] Result<std::vector<std::string>> read(const RunId& run, std::uint64_t from,
                                                      std::size_t limit) const override {
    const auto& events = journals_.at(run.text);
    const auto first = std::min<std::uint64_t>(from, events.size());
    const auto count = std::min<std::uint64_t>(limit, events.size() - first);
    return std::vector(events.begin() + static_cast<std::ptrdiff_t>(first),
                       events.begin() + static_cast<std::ptrdiff_t>(first + count));
  }
  [[nodiscard]] Result<std::vector<ports::RunRow>> runs(const ports::RunFilter&) const override {
    return std::vector<ports::RunRow>();
  }
  [[nodiscard]] Result<std::optional<ports::CacheEntry>> cached(const std::string&,
                                                                const Digest&) const override {
    return std::nullopt;
  }

 private:
  std::unordered_map<std::string, std::vector<std::string>> journals_;
};

/// Every attempt succeeds immediately; `ended` queues the fences.
class InstantExecutor final : public ports::Executor {
 public:
  Result<Value> environment(const engine::TaskSpec&) override { return Value(Struct()); }
  void start(const ports::Attempt& attempt) override { ended.push_back(attempt.fence); }
  void cancel(const Fence&) override {}
  void acknowledge(const Fence&) override {}
  [[nodiscard]] std::filesystem::path log_of(const RunId&, const std::string&, int) const override {
    return {};
  }
  std::deque<Fence> ended;
};

/// A run of one `each`, and what it runs on.
class Bench {
 public:
  Bench(bool on_disk, std::uint64_t tasks, const std::string& limit) : tasks_(tasks), on_disk_(on_disk) {
    const auto text = fmt::format(
        "sluice: 1\npipelines:\n  main:\n    graph:\n      fan:\n        each: \"${{range({})}}\"\n        "
        "as: i\n"
        "{}        graph: {{t: {{process: [/bin/true], cache: off}}}}\n",
        tasks, limit);
    plan_ = good(ir::read_plan(text));
    SLUICE_CHECK(ir::verify(*plan_, services_).empty());
    begin_process();
  }

  /// Starts a dispatcher, as a server that starts does; the one before is gone, with all that it held.
  void begin_process() {
    dispatcher_.reset();
    executor.ended.clear();
    dispatcher_.emplace(
        driver::Dispatcher::Ports{.journal = on_disk_ ? static_cast<ports::Journal&>(*ledger_) : memory_,
                                  .index = on_disk_ ? static_cast<const ports::RunIndex&>(*ledger_) : memory_,
                                  .objects = *objects_,
                                  .clock = clock_,
                                  .services = services_,
                                  .slots = {.tasks = SIZE_MAX}});
    good(dispatcher_->set_executors({{engine::TaskSpec::Kind::process, &executor},
                                     {engine::TaskSpec::Kind::container, &executor},
                                     {engine::TaskSpec::Kind::service, &executor}}));
  }
  void start_run() {
    good(dispatcher_->start(
        {.run = run, .name = "bench", .pipeline = "main", .plan = ir::print_plan(*plan_), .at = clock_.now()},
        plan_));
  }
  void resume_run() { good(dispatcher_->resume(run)); }
  /// Starts as many attempts as may be started at once.
  void open() {
    for (std::size_t started = 0; started < std::min<std::size_t>(tasks_, 8192);
         started = executor.ended.size()) {
      dispatcher_->store_and_carry_out();
      if (executor.ended.size() == started && started > 0) break;
      dispatcher_->advance();
    }
  }
  /// Ends attempts until `end` of them have ended, or the run has.
  void work(std::uint64_t end) {
    constexpr std::size_t batch_max = 512;  // as in the driver
    while (done < end && dispatcher_->is_running(run)) {
      for (std::size_t i = 0; i < batch_max && done < end && !executor.ended.empty(); ++i, ++done) {
        const auto fence = std::move(executor.ended.front());
        executor.ended.pop_front();
        dispatcher_->ended(fence, {.usage = {.started = clock_.now(), .ended = clock_.now()}});
      }
      dispatcher_->advance();
      dispatcher_->store_and_carry_out();
    }
  }

  const RunId run{"bench"};
  InstantExecutor executor;
  std::uint64_t done = 0;

 private:
  std::uint64_t tasks_;
  bool on_disk_;
  SystemClock clock_;
  os::TemporaryDirectory folder_ =
      good(os::TemporaryDirectory::make(std::filesystem::current_path(), "sluice-bench-"));
  std::unique_ptr<stores::DirectoryObjectStore> objects_ =
      good(stores::DirectoryObjectStore::open(folder_.path() / "objects", folder_.path() / "cache", clock_));
  MemoryJournal memory_;
  std::unique_ptr<stores::SqliteLedger> ledger_ =
      good(stores::SqliteLedger::open(folder_.path() / "ledger.db"));
  ir::Signatures services_;
  std::shared_ptr<const ir::Plan> plan_;
  std::optional<driver::Dispatcher> dispatcher_;
};

void measure_rate(bool on_disk, std::uint64_t tasks, const std::string& limit) {
  Bench bench(on_disk, tasks, limit);
  const auto before = resident_bytes();
  const auto start = now();
  bench.start_run();
  bench.open();
  const auto waiting = resident_bytes();
  const auto begun = now();
  bench.work(tasks / 2);
  const auto half = now();
  bench.work(UINT64_MAX);
  const auto end = now();
  fmt::print(
      "{{\"tasks\": {}, \"open_s\": {:.4f}, \"seconds\": {:.4f}, \"per_second\": {:.0f}, \"first_half_s\": "
      "{:.4f}, "
      "\"second_half_s\": {:.4f}, \"bytes_a_waiting_task\": {}, \"resident_mb\": {}}}\n",
      bench.done, begun - start, end - begun, static_cast<double>(bench.done) / (end - begun), half - begun,
      end - half, (waiting - before) / static_cast<std::int64_t>(tasks), resident_bytes() >> 20);
}

/// How long a server that starts in the middle of the run takes until it starts the next attempts.
void measure_restart(std::uint64_t tasks) {
  Bench bench(true, tasks, "");
  bench.start_run();
  bench.open();
  bench.work(tasks / 2);
  bench.begin_process();
  const auto start = now();
  bench.resume_run();
  bench.open();
  const auto resumed = now();
  SLUICE_CHECK(!bench.executor.ended.empty());
  bench.work(UINT64_MAX);
  fmt::print("{{\"tasks\": {}, \"restart_s\": {:.4f}, \"resident_mb\": {}}}\n", bench.done, resumed - start,
             resident_bytes() >> 20);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    fmt::print(stderr, "usage: engine_bench memory|sqlite|restart TASKS [LIMIT]\n");
    return 2;
  }
  const std::string_view what = argv[1];
  const auto tasks = std::strtoull(argv[2], nullptr, 10);
  if (what == "restart")
    measure_restart(tasks);
  else
    measure_rate(what == "sqlite", tasks, argc > 3 ? fmt::format("        limit: {}\n", argv[3]) : "");
}
