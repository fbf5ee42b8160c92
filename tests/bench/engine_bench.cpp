// Measures the engine and its dispatcher with an executor whose attempts finish immediately.
//   engine_bench memory|sqlite TASKS [LIMIT]   runs TASKS tasks of one `each`, prints JSON
#include <cstdlib>
#include <deque>
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

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    fmt::print(stderr, "usage: engine_bench memory|sqlite TASKS [LIMIT]\n");
    return 2;
  }
  const bool on_disk = std::string_view(argv[1]) == "sqlite";
  const auto tasks = std::strtoull(argv[2], nullptr, 10);
  const std::string limit = argc > 3 ? fmt::format("        limit: {}\n", argv[3]) : "";
  const auto text = fmt::format(
      "sluice: 1\npipelines:\n  main:\n    graph:\n      fan:\n        each: \"${{range({})}}\"\n        as: "
      "i\n"
      "{}        graph: {{t: {{process: [/bin/true], cache: off}}}}\n",
      tasks, limit);

  const SystemClock clock;
  const auto folder = good(os::TemporaryDirectory::make(std::filesystem::current_path(), "sluice-bench-"));
  const auto objects =
      good(stores::DirectoryObjectStore::open(folder.path() / "objects", folder.path() / "cache", clock));
  MemoryJournal memory;
  const auto ledger = good(stores::SqliteLedger::open(folder.path() / "ledger.db"));
  const ir::Signatures services;
  const auto plan = good(ir::read_plan(text));
  if (!ir::verify(*plan, services).empty()) return 1;

  InstantExecutor executor;
  driver::Dispatcher dispatcher({.journal = on_disk ? static_cast<ports::Journal&>(*ledger) : memory,
                                 .index = on_disk ? static_cast<const ports::RunIndex&>(*ledger) : memory,
                                 .objects = *objects,
                                 .clock = clock,
                                 .services = services,
                                 .slots = {.tasks = SIZE_MAX}});
  const auto set = dispatcher.set_executors(
      {{engine::TaskSpec::Kind::process, &executor}, {engine::TaskSpec::Kind::service, &executor}});
  if (!set) return 1;
  const auto before = resident_bytes();
  const RunId run{"bench"};
  engine::RunCreated created{
      .run = run, .name = "bench", .pipeline = "main", .plan = ir::print_plan(*plan), .at = clock.now()};
  const auto start = clock.steady();
  if (auto started = dispatcher.start(std::move(created), plan); !started) {
    fmt::print(stderr, "engine_bench: {}\n", started.error().message);
    return 1;
  }
  for (std::size_t started = 0; started < std::min<std::size_t>(tasks, 8192);
       started = executor.ended.size()) {
    dispatcher.store_and_carry_out();
    if (executor.ended.size() == started && started > 0) break;  // as many as may be started at once
    dispatcher.advance();
  }
  const auto waiting = resident_bytes();
  const auto begun = clock.steady();
  std::uint64_t done = 0;
  std::vector<double> halves;
  constexpr std::size_t batch_max = 512;  // as in the driver
  while (dispatcher.is_running(run)) {
    for (std::size_t i = 0; i < batch_max && !executor.ended.empty(); ++i) {
      const auto fence = std::move(executor.ended.front());
      executor.ended.pop_front();
      dispatcher.ended(fence, {.usage = {.started = clock.now(), .ended = clock.now()}});
      if (++done == tasks / 2)
        halves.push_back(std::chrono::duration<double>(clock.steady() - begun).count());
    }
    dispatcher.advance();
    dispatcher.store_and_carry_out();
  }
  const auto seconds = [](auto time) { return std::chrono::duration<double>(time).count(); };
  halves.push_back(seconds(clock.steady() - begun) - halves.front());
  fmt::print(
      "{{\"tasks\": {}, \"open_s\": {:.4f}, \"seconds\": {:.4f}, \"per_second\": {:.0f}, \"first_half_s\": "
      "{:.4f}, "
      "\"second_half_s\": {:.4f}, \"bytes_a_waiting_task\": {}, \"resident_mb\": {}}}\n",
      done, seconds(begun - start), seconds(clock.steady() - begun),
      static_cast<double>(done) / seconds(clock.steady() - begun), halves[0], halves[1],
      (waiting - before) / static_cast<std::int64_t>(tasks), resident_bytes() >> 20);
}
