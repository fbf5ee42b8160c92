#include "sluice/driver/dispatcher.hpp"

#include <algorithm>
#include <new>
#include <numeric>

#include <fmt/format.h>

#include "sluice/base/json.hpp"
#include "sluice/base/log.hpp"
#include "sluice/base/words.hpp"

namespace sluice::driver {
namespace {

constexpr auto stall_min = Milliseconds(100);
constexpr auto stall_max = Milliseconds(5'000);

/// The command that starts an attempt of this task; null if there is none.
const engine::StartAttempt* start_of(const engine::Decision& decision, const std::string& path) {
  for (const auto& command : decision.commands)
    if (const auto* start = std::get_if<engine::StartAttempt>(&command); start && start->path == path)
      return start;
  return nullptr;
}

/// Where the first of the appended events holds this text.
std::optional<ports::SharedPart> part_of(const std::string& event, const std::string& text) {
  const auto literal = to_json(Value(text));
  const auto at = event.find(literal);
  if (at == std::string::npos) return std::nullopt;
  return ports::SharedPart{.event = 0, .offset = at + 1, .length = literal.size() - 2};
}

/// Notes a run for as long as it is decided.
class Noted {
 public:
  Noted(ports::DecisionNote* note, const RunId& run) : note_(note) {
    if (note_) note_->begin(run);
  }
  ~Noted() {
    if (note_) note_->end();
  }
  Noted(const Noted&) = delete;
  Noted& operator=(const Noted&) = delete;

 private:
  ports::DecisionNote* note_;
};

}  // namespace

Result<void> Dispatcher::set_executors(Executors executors) {
  for (const auto kind : engine::work_kinds) {
    const auto count = std::ranges::count(executors, kind, &Executors::value_type::first);
    if (count == 1) continue;
    return Fail(internal_error(
        Code::internal, fmt::format("{} executors run work of kind `{}`; each kind has exactly one", count,
                                    engine::name(kind))));
  }
  executors_ = std::move(executors);
  return {};
}

// Inputs.

Result<void> Dispatcher::start(engine::RunCreated created, std::shared_ptr<const ir::Plan> plan,
                               ports::RunOrigin origin) {
  const auto id = created.run;
  if (live_.contains(id))
    return Fail(user_error(Code::already_exists, "run " + id.text + " is already running"));
  const auto operations = plan->find(created.pipeline)->body.operations.size();
  if (operations > ports_.limits.operations)
    return Fail(
        user_error(Code::too_large, fmt::format("pipeline `{}` has {} operations, and a run has at most {} "
                                                "at once; divide it, or raise the limit "
                                                "with `sluice up --run-limit operations=N`",
                                                created.pipeline, operations, ports_.limits.operations)));
  SLUICE_DO(check_resources(*plan));
  auto run = std::make_unique<LiveRun>(created,
                                       engine::Run(std::move(plan), created, ports_.services, ports_.limits));
  run->row = row_of(created);
  auto creation = engine::encode(created);
  run->bytes = creation.size();
  const auto plan_part = part_of(creation, created.plan);
  // The creation is stored by itself, so that it is in the journal when this returns.
  SLUICE_DO(ports_.journal.append({{.run = id,
                                    .principal = created.principal,
                                    .expected_next = 0,
                                    .events = {std::move(creation)},
                                    .row = run->row,
                                    .cache = {},
                                    .shared = plan_part,
                                    .step = std::move(origin.step),
                                    .group = std::move(origin.group)}},
                                  ports::Durability::process));
  run->next = 1;
  auto& kept = keep(std::move(run));
  proceed(kept, ports_.clock.now());
  return {};
}

Result<void> Dispatcher::resume(const RunId& id) {
  if (live_.contains(id)) return {};
  SLUICE_TRY(run, load(id));
  if (!run) return {};
  run->more = true;  // it proceeds once the claim is stored
  return {};
}

/// Resources that are expressions are checked when the task is ready.
Result<void> Dispatcher::check_resources(const ir::Plan& plan) const {
  std::optional<Error> problem;
  ir::for_each_operation(plan, [&](const ir::Operation& operation) {
    auto resources = engine::default_resources(operation);
    for (const auto& [name, value] : operation.resources)
      if (value->kind == syntax::Expression::Kind::literal)
        ir::assign_resource(resources, name, value->literal);
    const auto why = slots_.why_never(resources, operation.pool);
    if (why && !problem)
      problem = user_error(Code::failed_precondition,
                           fmt::format("{}: `{}` can never start: {}", syntax::place(plan.file, operation.at),
                                       operation.name, *why));
  });
  if (problem) return Fail(std::move(*problem));
  return {};
}

/// Replays and claims the run; its outstanding commands are carried out once the claim is stored. Null if it
/// has ended.
Result<LiveRun*> Dispatcher::load(const RunId& id) {
  const Noted noted(ports_.note, id);
  SLUICE_TRY(run, replay(id, ports_.journal, ports_.services, ports_.limits));
  if (run->run.ended()) return nullptr;
  run->commands = run->run.open_commands();
  for (const auto& command : run->commands)
    if (const auto* start = std::get_if<engine::StartAttempt>(&command))
      slots_.occupy({.run = id,
                     .path = start->path,
                     .number = start->number,
                     .resources = start->work.resources,
                     .pool = start->work.pool,
                     .key = std::nullopt},
                    start->work.gpus);
  run->row_changed = true;  // it may have been set aside
  run->claimed = false;
  run->take(run->run.claim(ports_.clock.now()));
  auto& kept = keep(std::move(run));
  mark_changed(kept);
  return &kept;
}

void Dispatcher::begin_resuming() { slots_.pause_devices(true); }

void Dispatcher::end_resuming(bool complete) {
  slots_.pause_devices(false);
  all_resumed_ = complete;
  report_reattached();
}

/// Notifies the executors once every resumed run is claimed, and its attempts were passed on.
void Dispatcher::report_reattached() {
  if (!all_resumed_ || std::ranges::any_of(live_, [](const auto& run) { return !run.second->claimed; }))
    return;
  all_resumed_ = false;
  std::vector<ports::Executor*> told;
  for (const auto& [kind, executor] : executors_) {
    if (std::ranges::find(told, executor) != told.end()) continue;  // it runs several kinds of work
    told.push_back(executor);
    executor->all_reattached();
  }
}

Result<void> Dispatcher::cancel(const RunId& run, std::string reason) {
  if (!live_.contains(run)) {
    SLUICE_TRY(loaded, load(run));
    if (!loaded) return Fail(user_error(Code::failed_precondition, "run " + run.text + " has ended already"));
  }
  decide(run, engine::CancelRun{.reason = std::move(reason)}, ports_.clock.now());
  return {};
}

void Dispatcher::ended(const Fence& fence, engine::Outcome outcome) {
  const auto found = attempts_.find(fence);
  if (found == attempts_.end()) return;  // late: the run has ended or was forgotten
  const auto place = std::move(found->second);
  attempts_.erase(found);
  auto& run = *place.run;
  const auto& id = run.created.run;
  --run.attempts;
  run.unacknowledged.emplace_back(fence, place.executor);
  const Noted noted(ports_.note, id);
  auto decision = run.run.decide(
      engine::AttemptFinished{.path = place.path, .number = place.number, .outcome = std::move(outcome)},
      ports_.clock.now());
  if (const auto* next = start_of(decision, place.path))
    slots_.renew(id, place.path, next->number);
  else
    slots_.release(id, place.path, place.number);
  take(run, std::move(decision));
}

void Dispatcher::advance() {
  const auto now = ports_.clock.now();
  while (!timers_.empty() && timers_.top().due <= now) {
    const auto timer = timers_.top();
    timers_.pop();
    // Passes the time at which it was found to be due: if the clock were set back meanwhile, the engine would
    // wait for another timer.
    if (!timer.retry)
      decide(timer.run, engine::TimerFired{.path = timer.path, .number = timer.number}, now);
    else if (const auto found = live_.find(timer.run); found != live_.end())
      admit(*found->second, *timer.retry);
  }
  for (auto* run : std::exchange(continuing_, {})) proceed(*run, now);
}

std::size_t Dispatcher::bytes_to_store() const {
  std::size_t bytes = 0;
  for (const auto* run : changed_)
    for (const auto& event : run->events) bytes += event.size();
  return bytes;
}

std::optional<Time> Dispatcher::next_due() const {
  if (!continuing_.empty()) return ports_.clock.now();
  std::optional<Time> due;
  if (!timers_.empty()) due = timers_.top().due;
  for (const auto* run : stalled_) {
    const auto left = std::chrono::ceil<Milliseconds>(*run->stalled_until - ports_.clock.steady());
    const auto again = ports_.clock.now() + std::max(left, Milliseconds(0));
    due = std::min(due.value_or(again), again);
  }
  return due;
}

// Deciding.

void Dispatcher::decide(const RunId& run, engine::Input input, Time now) {
  const auto found = live_.find(run);
  if (found != live_.end()) decide(*found->second, std::move(input), now);
}

void Dispatcher::decide(LiveRun& run, engine::Input input, Time now) {
  const Noted noted(ports_.note, run.created.run);
  take(run, run.run.decide(std::move(input), now));
}

void Dispatcher::proceed(LiveRun& run, Time now) {
  const Noted noted(ports_.note, run.created.run);
  take(run, run.run.proceed(now));
}

void Dispatcher::take(LiveRun& run, engine::Decision decision) {
  const auto& id = run.created.run;
  for (const auto& event : decision.events) {
    if (const auto* ended = std::get_if<engine::Ended>(&event)) slots_.withdraw(id, ended->path);
  }
  run.take(decision);
  mark_changed(run);
  for (auto& command : decision.commands)
    if (!std::holds_alternative<engine::Admit>(command)) run.commands.push_back(std::move(command));
  // A request for slots has no effect outside this process, and need not wait until its event is stored.
  for (auto& command : decision.commands)
    if (auto* request = std::get_if<engine::Admit>(&command)) carry_out(run, *request);
  check_limits(run);  // last: what it stops withdraws these requests
}

/// A task waits for its slots, unless it could never have them.
void Dispatcher::admit(LiveRun& run, SlotRequest request) {
  if (auto why = slots_.why_never(request.resources, request.pool))
    decide(run, engine::Rejected{.path = request.path, .message = std::move(*why)}, ports_.clock.now());
  else if (auto granted = slots_.request(std::move(request)))
    granted_.push_back(std::move(*granted));
}

void Dispatcher::grant_slots() {
  const auto next = [this]() -> std::optional<Slots::Grant> {
    if (granted_.empty()) return slots_.grant();
    auto granted = std::move(granted_.front());
    granted_.pop_front();
    return granted;
  };
  while (auto granted = next()) {
    auto& [request, gpus] = *granted;
    const auto found = live_.find(request.run);
    if (found == live_.end()) continue;  // its slots were released with it
    auto& run = *found->second;
    const Noted noted(ports_.note, request.run);
    auto decision = run.run.decide(
        engine::Admitted{
            .path = request.path, .number = request.number, .key = request.key, .gpus = std::move(gpus)},
        ports_.clock.now());
    // The engine ignores an input that no longer applies: the task was cancelled meanwhile.
    if (!start_of(decision, request.path)) slots_.release(request.run, request.path, request.number);
    take(run, std::move(decision));
  }
}

void Dispatcher::check_limits(LiveRun& run) {
  const auto& limits = ports_.limits;
  const auto stop = [&](const std::string& most, std::string_view limit) {
    run.limit_exceeded = true;
    decide(run,
           engine::LimitExceeded{
               fmt::format("the journal of a run has at most {}; divide the run into several, or "
                           "raise the limit with `sluice up --run-limit {}=N`",
                           most, limit)},
           ports_.clock.now());
  };
  if (run.limit_exceeded) return;
  if (run.next + run.events.size() > limits.events)
    return stop(fmt::format("{} events", limits.events), "events");
  if (run.bytes > limits.bytes) return stop(human_bytes(limits.bytes), "bytes");
}

void Dispatcher::mark_changed(LiveRun& run) {
  if (run.stalled_until) return;  // its events are stored when its pause is over
  if (!std::exchange(run.waits_for_store, true)) changed_.push_back(&run);
}

LiveRun& Dispatcher::keep(std::unique_ptr<LiveRun> run) {
  const auto id = run->created.run;
  {
    const std::lock_guard lock(running_mutex_);
    running_.insert(id);
  }
  return *live_.emplace(id, std::move(run)).first->second;
}

void Dispatcher::forget(const RunId& run) {
  const auto found = live_.find(run);
  if (found->second->attempts > 0)
    std::erase_if(attempts_, [&](const auto& attempt) { return attempt.second.run == found->second.get(); });
  slots_.release_all(run);
  {
    const std::lock_guard lock(running_mutex_);
    running_.erase(run);
  }
  std::erase(continuing_, found->second.get());
  live_.erase(found);
}

// Storing.

/// Events first: what is carried out has been stored. A task that got a slot meanwhile leads to more
/// decisions, so this repeats.
void Dispatcher::store_and_carry_out() {
  end_stalls();
  grant_slots();
  while (!changed_.empty()) {
    const auto runs = store(std::exchange(changed_, {}));
    for (auto* run : runs) acknowledge(*run);
    for (auto* run : runs) {
      auto commands = std::exchange(run->commands, {});
      for (auto& command : commands) std::visit([&](auto& specific) { carry_out(*run, specific); }, command);
      if (run->more && std::ranges::find(continuing_, run) == continuing_.end()) continuing_.push_back(run);
    }
    for (auto* run : runs)
      if (run->run.ended() && !run->waits_for_store) forget(run->created.run);
    grant_slots();
  }
  report_reattached();
}

void Dispatcher::close() {
  for (auto* run : std::exchange(stalled_, {})) {
    run->stalled_until.reset();
    mark_changed(*run);
  }
  for (auto* run : store(std::exchange(changed_, {}))) acknowledge(*run);
}

/// Returns the runs whose events are in the journal now. One that cannot be stored does not delay others.
std::vector<LiveRun*> Dispatcher::store(const std::vector<LiveRun*>& runs) {
  std::vector<ports::Append> batch;
  std::vector<LiveRun*> stored;
  std::vector<LiveRun*> in_batch;
  auto durability = ports::Durability::process;
  for (auto* run : runs) {
    run->waits_for_store = false;
    if (run->events.empty()) {
      stored.push_back(run);
      continue;
    }
    if (run->must_sync) durability = ports::Durability::power;
    in_batch.push_back(run);
    batch.push_back({.run = run->created.run,
                     .principal = run->created.principal,
                     .expected_next = run->next,
                     .events = std::exchange(run->events, {}),
                     .row = run->row_changed ? std::optional(run->row) : std::nullopt,
                     .cache = std::exchange(run->cache, {}),
                     .used = std::exchange(run->used, {}),
                     .shared = std::nullopt});
  }
  if (batch.empty()) return stored;
  const auto together = append(batch, durability);
  for (std::size_t i = 0; i < batch.size(); ++i) {
    auto& run = *in_batch[i];
    const auto alone = together || batch.size() == 1 ? together : append({batch[i]}, durability);
    if (alone) {
      run.next += batch[i].events.size();
      run.claimed = true;
      run.pause = {};
      stored.push_back(&run);
    } else if (alone.error().code == Code::conflict) {
      // Another engine has claimed this run.
      log::error(
          fmt::format("run {} stopped on this server: {}", run.created.run.text, alone.error().message));
      for (const auto& attempt : attempts(run.created.run)) attempt.executor->abandon(attempt.fence);
      forget(run.created.run);
    } else {
      run.events = std::move(batch[i].events);
      run.cache = std::move(batch[i].cache);
      run.used = std::move(batch[i].used);
      stall(run, alone.error());
    }
  }
  return stored;
}

/// Without memory for it the process ends, and the run that stores the most is noted as the one that ended
/// it. The note is not made before, for a process that is killed while it stores must not count for a run.
Result<void> Dispatcher::append(const std::vector<ports::Append>& batch, ports::Durability durability) {
  try {
    return ports_.journal.append(batch, durability);
  } catch (const std::bad_alloc&) {
    const auto bytes = [](const ports::Append& one) {
      return std::accumulate(one.events.begin(), one.events.end(), std::size_t{0},
                             [](std::size_t sum, const std::string& event) { return sum + event.size(); });
    };
    if (ports_.note != nullptr) ports_.note->begin(std::ranges::max_element(batch, {}, bytes)->run);
    throw;
  }
}

/// What was decided is not in the journal, so nothing that follows from it may happen yet.
void Dispatcher::stall(LiveRun& run, const Error& error) {
  if (run.pause == Milliseconds(0))
    log::error(fmt::format("run {} is stalled because its events cannot be stored: {}", run.created.run.text,
                           error.message));
  run.pause = std::clamp(run.pause * 2, stall_min, stall_max);
  run.stalled_until = ports_.clock.steady() + run.pause;
  stalled_.push_back(&run);
}

void Dispatcher::end_stalls() {
  const auto now = ports_.clock.steady();
  const auto over =
      std::ranges::partition(stalled_, [&](const auto* run) { return *run->stalled_until > now; });
  for (auto* run : over) {
    run->stalled_until.reset();
    mark_changed(*run);
  }
  stalled_.erase(over.begin(), over.end());
}

/// An attempt whose end is not stored stays unacknowledged: the executor must still know it when the run
/// is resumed.
void Dispatcher::acknowledge(LiveRun& run) {
  for (const auto& [fence, executor] : std::exchange(run.unacknowledged, {})) executor->acknowledge(fence);
}

// Queries.

std::optional<std::uint64_t> Dispatcher::length(const RunId& run) const {
  const auto found = live_.find(run);
  return found == live_.end() ? std::nullopt : std::optional(found->second->next);
}

std::vector<Dispatcher::RunningAttempt> Dispatcher::attempts(const RunId& run) const {
  std::vector<RunningAttempt> out;
  const auto* live = find(run);
  if (!live || live->attempts == 0) return out;
  out.reserve(live->attempts);
  for (const auto& [fence, place] : attempts_)
    if (place.run == live) out.push_back({.path = place.path, .fence = fence, .executor = place.executor});
  return out;
}

const LiveRun* Dispatcher::find(const RunId& run) const {
  const auto found = live_.find(run);
  return found == live_.end() ? nullptr : found->second.get();
}

bool Dispatcher::is_running(const RunId& run) const {
  const std::lock_guard lock(running_mutex_);
  return running_.contains(run);
}

}  // namespace sluice::driver
