#include "sluice/driver/driver.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <queue>
#include <thread>
#include <unordered_map>
#include <unordered_set>

#include <fmt/format.h>

#include "sluice/base/json.hpp"
#include "sluice/base/log.hpp"
#include "sluice/driver/live_run.hpp"

namespace sluice::driver {

namespace {

/// Inputs that are decided together and stored in one transaction.
constexpr std::size_t batch_max = 512;

struct Timer {
  Time due{};
  RunId run;
  std::string path;
  std::int64_t number = 0;
  bool operator>(const Timer& other) const { return due > other.due; }
};

struct Waiter {
  RunId run;
  std::uint64_t length = 0;
  Time deadline{};
  std::move_only_function<void()> done;
};

bool has_all(const ports::ObjectStore& objects, const Value& value) {
  if (const auto* artifact = value.if_artifact()) return !artifact->digest || objects.has(*artifact->digest);
  if (const auto* list = value.if_list())
    return std::ranges::all_of(*list, [&](const Value& v) { return has_all(objects, v); });
  if (const auto* fields = value.if_struct())
    return std::ranges::all_of(*fields, [&](const auto& field) { return has_all(objects, field.second); });
  return true;
}

}  // namespace

struct Driver::Impl {
  explicit Impl(Ports p) : ports(std::move(p)) {}

  Ports ports;
  std::optional<Executors> executors;

  // Shared with other threads, under the mutex.
  std::mutex mutex;
  std::condition_variable wake;
  std::deque<std::move_only_function<void()>> messages;  ///< run on the driver's thread
  bool closing = false;
  bool closed = false;              ///< nobody runs messages any more
  std::unordered_set<RunId> going;  ///< the keys of `live`, for other threads
  std::thread thread;

  // The driver's thread only.
  std::unordered_map<RunId, std::unique_ptr<LiveRun>> live;
  struct Place {
    RunId run;
    std::string path;
    std::int64_t number;
  };
  std::unordered_map<Fence, Place> attempts;
  std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers;
  std::vector<Waiter> waiters;
  std::vector<LiveRun*> changed;  ///< decided since the last store
  struct Unsettled {
    RunId run;
    Fence fence;
  };
  std::vector<Unsettled> unsettled;  ///< ended; to be told once that is stored

  /// False where nobody will run the message: the driver has ended.
  bool post(std::move_only_function<void()> message) {
    {
      const std::lock_guard lock(mutex);
      if (closed) return false;
      messages.push_back(std::move(message));
    }
    wake.notify_one();
    return true;
  }

  /// Runs `work` on the driver's thread and waits for its answer.
  Result<void> ask(std::move_only_function<Result<void>()> work) {
    struct Answer {
      std::mutex mutex;
      std::condition_variable ready;
      std::optional<Result<void>> result;
    };
    auto answer = std::make_shared<Answer>();
    const bool posted = post([answer, work = std::move(work)]() mutable {
      auto result = work();
      const std::lock_guard lock(answer->mutex);
      answer->result = std::move(result);
      answer->ready.notify_all();
    });
    if (!posted)
      return Fail(environment_error(Code::unavailable, "this server is ending; ask again when it is up"));
    std::unique_lock lock(answer->mutex);
    answer->ready.wait(lock, [&] { return answer->result.has_value(); });
    return std::move(*answer->result);
  }

  void loop() {
    while (!take_messages()) {
      fire_timers();
      store_and_carry_out();
      tell_waiters();
    }
    // What has happened is kept; what follows from it is carried out by the next driver.
    tell_settled(store(std::exchange(changed, {})));
    for (auto& waiter : std::exchange(waiters, {})) waiter.done();
  }

  /// Waits for messages or a timer, and runs the messages. True after the last ones.
  bool take_messages() {
    std::deque<std::move_only_function<void()>> batch;
    {
      std::unique_lock lock(mutex);
      const auto something = [&] { return closing || !messages.empty(); };
      if (const auto due = next_due()) {
        const auto pause = std::max(Milliseconds(0), *due - ports.clock.now());
        wake.wait_for(lock, pause, something);
      } else {
        wake.wait(lock, something);
      }
      closed = closing;
      while (!messages.empty() && (closed || batch.size() < batch_max)) {
        batch.push_back(std::move(messages.front()));
        messages.pop_front();
      }
    }
    for (auto& message : batch) message();
    return closed;
  }

  std::optional<Time> next_due() const {
    std::optional<Time> due;
    if (!timers.empty()) due = timers.top().due;
    for (const auto& waiter : waiters) due = std::min(due.value_or(waiter.deadline), waiter.deadline);
    return due;
  }

  void fire_timers() {
    const auto now = ports.clock.now();
    while (!timers.empty() && timers.top().due <= now) {
      const auto timer = timers.top();
      timers.pop();
      // With the time that it was found due at: a clock that is set back meanwhile would make the engine wait
      // for another.
      decide(timer.run, engine::TimerFired{.path = timer.path, .number = timer.number}, now);
    }
  }

  void decide(const RunId& run, const engine::Input& input, Time now) {
    const auto there = live.find(run);
    if (there == live.end()) return;
    take(*there->second, there->second->run.decide(input, now));
  }

  void take(LiveRun& run, engine::Decision decision) {
    run.take(std::move(decision));
    mark_changed(run);
  }

  void mark_changed(LiveRun& run) {
    if (!std::exchange(run.waits_for_store, true)) changed.push_back(&run);
  }

  /// Events first: what is carried out has been stored. A look-up answers at once, which decides more, so
  /// this repeats.
  void store_and_carry_out() {
    while (!changed.empty()) {
      auto runs = std::exchange(changed, {});
      for (auto* run : runs) run->waits_for_store = false;
      runs = store(std::move(runs));
      tell_settled(runs);
      for (auto* run : runs) {
        auto commands = std::exchange(run->commands, {});
        for (auto& command : commands)
          std::visit([&](auto& specific) { carry_out(*run, specific); }, command);
      }
      for (auto* run : runs)
        if (run->run.ended() && !run->waits_for_store) forget(run->created.run);
    }
  }

  /// Answers the runs whose events are in the journal now. One that cannot be stored stops, and only that
  /// one.
  std::vector<LiveRun*> store(std::vector<LiveRun*> runs) {
    std::vector<ports::Append> batch;
    auto durability = ports::Durability::process;
    for (auto* run : runs) {
      if (run->events.empty()) continue;
      if (run->must_sync) durability = ports::Durability::power;
      batch.push_back({.run = run->created.run,
                       .expected_next = run->next,
                       .events = std::exchange(run->events, {}),
                       .row = run->row,
                       .cache = std::exchange(run->cache, {})});
      run->next += batch.back().events.size();
    }
    if (batch.empty()) return runs;
    const auto stored = ports.journal.append(batch, durability);
    if (stored) return runs;
    for (const auto& append : batch) {
      const auto alone = batch.size() == 1 ? stored : ports.journal.append({append}, durability);
      if (alone) continue;
      // What was decided is not in the journal, so it has not happened. The run stays there as it was stored
      // last.
      log::error(fmt::format("run {} stops until it is resumed, as its events cannot be stored: {}",
                             append.run.text, alone.error().message));
      std::erase_if(runs, [&](const auto* run) { return run->created.run == append.run; });
      forget(append.run);
    }
    return runs;
  }

  /// An attempt whose run could not be stored stays unsettled: the executor must know it when the run goes
  /// on.
  void tell_settled(const std::vector<LiveRun*>& stored) {
    for (const auto& [run, fence] : std::exchange(unsettled, {})) {
      if (std::ranges::none_of(stored, [&](const auto* live_run) { return live_run->created.run == run; }))
        continue;
      executors->process.settled(fence);
      executors->service.settled(fence);
    }
  }

  LiveRun& keep(std::unique_ptr<LiveRun> run) {
    const auto id = run->created.run;
    {
      const std::lock_guard lock(mutex);
      going.insert(id);
    }
    return *live.emplace(id, std::move(run)).first->second;
  }

  void forget(const RunId& run) {
    std::erase_if(attempts, [&](const auto& entry) { return entry.second.run == run; });
    {
      const std::lock_guard lock(mutex);
      going.erase(run);
    }
    live.erase(run);
  }

  ports::Executor& executor_of(const engine::Work& work) {
    return work.kind == engine::Work::Kind::process ? executors->process : executors->service;
  }

  void carry_out(LiveRun& run, engine::LookUp& command) {
    engine::LookedUp answer{.path = command.path};
    if (const auto environment = executor_of(command.work).environment(command.work)) {
      const auto scope = command.scope == "run" ? "run " + run.created.run.text : command.scope;
      answer.key = engine::cache_key(command.work, *environment, command.user_key, scope);
      answer.hit = cached(run, *answer.key, command.max_age_ms);
    }
    take(run, run.run.decide(answer, ports.clock.now()));
  }

  std::optional<engine::LookedUp::Hit> cached(const LiveRun& run, const Digest& key,
                                              std::optional<std::int64_t> max_age_ms) {
    const auto entry = ports.index.cached(run.created.principal.workspace, key);
    if (!entry || !*entry) return std::nullopt;
    if (max_age_ms && ports.clock.now() - (*entry)->at > Milliseconds(*max_age_ms)) return std::nullopt;
    auto outputs = from_tagged((*entry)->outputs);
    if (!outputs || !outputs->is_struct() || !has_all(ports.objects, *outputs)) return std::nullopt;
    return engine::LookedUp::Hit{
        .outputs = *outputs->if_struct(), .run = (*entry)->run, .path = (*entry)->path};
  }

  void carry_out(LiveRun& run, engine::StartAttempt& command) {
    attempts[command.fence] = {.run = run.created.run, .path = command.path, .number = command.number};
    auto& executor = executor_of(command.work);
    const auto effect_key = run.created.run.text + "/" + command.path;
    executor.start({.run = run.created.run,
                    .path = command.path,
                    .number = static_cast<int>(command.number),
                    .fence = command.fence,
                    .principal = run.created.principal,
                    .work = std::move(command.work),
                    .effect_key = effect_key});
  }

  void carry_out(LiveRun&, engine::CancelAttempt& command) {
    executors->process.cancel(command.fence);
    executors->service.cancel(command.fence);
  }

  void carry_out(LiveRun& run, engine::SetTimer& command) {
    timers.push({.due = command.due, .run = run.created.run, .path = command.path, .number = command.number});
  }

  void tell_waiters() {
    const auto now = ports.clock.now();
    for (std::size_t i = 0; i < waiters.size();) {
      const auto there = live.find(waiters[i].run);
      if (there != live.end() && there->second->next <= waiters[i].length && waiters[i].deadline > now) {
        ++i;
        continue;
      }
      auto waiter = std::move(waiters[i]);
      waiters[i] = std::move(waiters.back());
      waiters.pop_back();
      waiter.done();
    }
  }

  Result<void> start(engine::RunCreated created, std::shared_ptr<const ir::Plan> plan) {
    const auto id = created.run;
    if (live.contains(id))
      return Fail(user_error(Code::already_exists, "run " + id.text + " goes on already"));
    auto run = std::make_unique<LiveRun>(created, engine::Run(std::move(plan), created, ports.services));
    run->row = row_of(created);
    // The creation is stored by itself, so that whoever submits knows that it is there.
    const auto stored = ports.journal.append(
        {{.run = id, .expected_next = 0, .events = {engine::encode(created)}, .row = run->row, .cache = {}}},
        ports::Durability::process);
    if (!stored) return stored;
    run->next = 1;
    auto& kept = keep(std::move(run));
    take(kept, kept.run.begin(ports.clock.now()));
    return {};
  }

  Result<void> resume(const RunId& id) {
    if (live.contains(id)) return {};
    SLUICE_TRY(journal, ports.journal.read(id));
    SLUICE_TRY(run, replay(id, journal, ports.read_plan, ports.services));
    if (run->run.ended()) return {};
    const bool not_begun = run->next == 1;
    run->commands = run->run.open_commands();
    auto& kept = keep(std::move(run));
    if (not_begun) kept.take(kept.run.begin(ports.clock.now()));
    mark_changed(kept);
    return {};
  }
};

Driver::Driver(Ports ports) : impl_(std::make_unique<Impl>(std::move(ports))) {}

Driver::~Driver() { end(); }

void Driver::begin(Executors executors) {
  impl_->executors.emplace(executors);
  impl_->thread = std::thread([this] { impl_->loop(); });
}

void Driver::end() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->closing = true;
  }
  impl_->wake.notify_all();
  if (impl_->thread.joinable()) impl_->thread.join();
}

Result<void> Driver::start(engine::RunCreated created, std::shared_ptr<const ir::Plan> plan) {
  return impl_->ask([this, created = std::move(created), plan = std::move(plan)]() mutable {
    return impl_->start(std::move(created), std::move(plan));
  });
}

Result<void> Driver::resume(const RunId& run) {
  return impl_->ask([this, run] { return impl_->resume(run); });
}

Result<void> Driver::cancel(const RunId& run, std::string reason) {
  return impl_->ask([this, run, reason = std::move(reason)]() mutable -> Result<void> {
    if (!impl_->live.contains(run))
      return Fail(user_error(Code::failed_precondition, "run " + run.text + " does not go on here"));
    impl_->decide(run, engine::CancelRun{.reason = std::move(reason)}, impl_->ports.clock.now());
    return {};
  });
}

bool Driver::goes_on(const RunId& run) const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->going.contains(run);
}

void Driver::when_longer(const RunId& run, std::uint64_t length, Time deadline,
                         std::move_only_function<void()> done) {
  auto waiter = std::make_shared<Waiter>(
      Waiter{.run = run, .length = length, .deadline = deadline, .done = std::move(done)});
  if (!impl_->post([this, waiter] { impl_->waiters.push_back(std::move(*waiter)); })) waiter->done();
}

void Driver::ended(const Fence& fence, engine::Outcome outcome) {
  impl_->post([this, fence, outcome = std::move(outcome)]() mutable {
    const auto there = impl_->attempts.find(fence);
    if (there == impl_->attempts.end()) return;  // late: the run has ended or was forgotten
    const auto place = std::move(there->second);
    impl_->attempts.erase(there);
    impl_->unsettled.push_back({.run = place.run, .fence = fence});
    impl_->decide(
        place.run,
        engine::AttemptFinished{.path = place.path, .number = place.number, .outcome = std::move(outcome)},
        impl_->ports.clock.now());
  });
}

}  // namespace sluice::driver
