#include "oracles.hpp"

#include <algorithm>
#include <numeric>

#include "reference.hpp"
#include "sim_executor.hpp"
#include "violation.hpp"

namespace sluice::sim {

using engine::Status;

namespace {

bool counts_as_failed(Status status) {
  return status == Status::failed || status == Status::blocked || status == Status::cancelled;
}

void require(bool holds, const std::string& what) {
  if (!holds) throw Violation(what);
}

}  // namespace

void Oracles::check(const std::vector<ports::Append>& transaction) {
  for (const auto& append : transaction) {
    auto number = append.expected_next;
    for (const auto& text : append.events) check(append.run, number++, text);
  }
}

void Oracles::check(const RunId& run, std::uint64_t number, const std::string& text) {
  if (!rebuilding_) {
    for (const unsigned char c : text) hash_ = (hash_ ^ c) * 1099511628211U;
    ++events_;
  }
  const auto event = engine::decode(text);
  require(event.has_value(), "unreadable event: " + text);
  require((number == 0) == std::holds_alternative<engine::RunCreated>(*event),
          "RunCreated must be the first event of a run, and no other");
  auto& recorded = recorded_[run.text];
  require(!recorded.ended, "an event after the run's end: " + text);
  recorded.history.add(number, *event);
  std::visit([&](const auto& specific) { on(recorded, specific); }, *event);
}

void Oracles::rebuild(const std::vector<std::vector<ports::Append>>& transactions) {
  recorded_.clear();
  rebuilding_ = true;
  for (const auto& transaction : transactions) check(transaction);
  rebuilding_ = false;
}

void Oracles::on(Recorded& recorded, const engine::RunCreated& event) {
  recorded.created = event;
  auto& plan = plans_[event.plan];
  if (!plan) {
    const auto read = ir::read_plan(event.plan);
    require(read.has_value(), "unreadable stored plan");
    plan = *read;
  }
  recorded.plan = plan;
}

void Oracles::on(Recorded& recorded, const engine::Claimed& event) {
  require(event.epoch == ++recorded.epoch, "an epoch is left out or used twice");
}

void Oracles::on(Recorded& recorded, const engine::RegionStarted& event) {
  recorded.tasks[event.path].limit = event.limit;
}

void Oracles::on(Recorded& recorded, const engine::IterationStarted& event) {
  auto& each = recorded.tasks[event.path];
  ++each.running_iterations;
  require(each.limit == 0 || each.running_iterations <= each.limit,
          event.path + " runs more concurrent iterations than its limit");
}

void Oracles::on(Recorded& recorded, const engine::IterationEnded& event) {
  require(--recorded.tasks[event.path].running_iterations >= 0,
          event.path + ": an iteration that is not open ends");
}

void Oracles::on(Recorded& recorded, const engine::TaskReady& event) {
  auto& task = recorded.tasks[event.path];
  require(!task.ready, event.path + " became ready twice");
  task.ready = true;
  task.call = event.call;
  task.call.erase("resources");  // they do not change the result
  const auto& operation = operation_at(recorded, event.path);
  const auto* call = std::get_if<ir::ServiceCall>(&operation.what);
  const bool effect = call && std::ranges::find(services_, call->service, &ir::Signature::name)->effect ==
                                  ir::Effect::idempotent;
  require(!event.cacheable || (recorded.created.cache && operation.cache.enabled && !effect),
          event.path + " must not be looked up in the cache");
}

void Oracles::on(Recorded& recorded, const engine::CacheHit& event) {
  auto& task = recorded.tasks[event.path];
  require(task.ready && task.number == 0 && !task.ended, event.path + ": cache hit in the wrong state");
  require(event.outputs.find("o") && *event.outputs.find("o") == Value(result_of(task.call)),
          event.path + ": the cached result differs from the result of its work");
  const auto& cache = operation_at(recorded, event.path).cache;
  require(cache.scope != "run" || event.run == recorded.created.run,
          event.path + ": cache hit from another run, but its scope is its own run");
  const auto& made = recorded_.at(event.run.text).tasks.at(event.made_by).made;
  require(made.has_value(), event.path + ": cache hit from a task that did not succeed");
  require(!cache.max_age_ms || event.at - *made <= Milliseconds(*cache.max_age_ms),
          event.path + ": cache hit from an entry older than its max_age");
}

void Oracles::on(Recorded& recorded, const engine::Scheduled& event) {
  auto& task = recorded.tasks[event.path];
  require(task.ready && task.open_fence.empty() && !task.ended && event.number == task.number + 1,
          event.path + " is scheduled in the wrong state");
  require(!recorded.stopping, event.path + " is scheduled although the run is stopping");
  const bool lost = task.last == engine::Outcome::Status::lost;
  require(event.number == 1 || task.retry_due || lost,
          event.path + " has another attempt, but neither a retry was decided nor was one lost");
  if (event.number > 1 && !task.retry_due) ++task.losses;
  task.retry_due = false;
  const auto retried = std::accumulate(task.retries.begin(), task.retries.end(), std::int64_t{0});
  require(event.number == 1 + retried + task.losses,
          event.path + " has more attempts than its policies and the lost ones allow");
  task.number = event.number;
  task.timed_out = false;
  task.open_fence = event.fence.text;
}

void Oracles::on(Recorded& recorded, const engine::AttemptEnded& event) {
  auto& task = recorded.tasks[event.path];
  require(!task.open_fence.empty() && event.number == task.number,
          event.path + ": an attempt that is not open ends");
  task.open_fence.clear();
  task.last = event.outcome.status;
  if (event.outcome.status == engine::Outcome::Status::succeeded) task.made = event.outcome.usage.ended;
}

void Oracles::on(Recorded& recorded, const engine::RetryAt& event) {
  auto& task = recorded.tasks[event.path];
  require(task.number > 0 && task.open_fence.empty() && !task.ended && !task.retry_due,
          event.path + " is retried in the wrong state");
  require(task.last != engine::Outcome::Status::succeeded, event.path + " is retried although it succeeded");
  const auto& policies = operation_at(recorded, event.path).retry;
  require(event.policy >= 0 && event.policy < std::ssize(policies), event.path + " has no such policy");
  const auto policy = static_cast<std::size_t>(event.policy);
  task.retries.resize(policies.size());
  require(++task.retries[policy] <= *policies[policy].limit->literal.if_integer(),
          event.path + " is retried more often than its policy allows");
  task.retry_due = true;
}

void Oracles::on(Recorded& recorded, const engine::TimedOut& event) {
  auto& task = recorded.tasks[event.path];
  require(!task.open_fence.empty() && !task.timed_out, event.path + " timed out, but has no open attempt");
  require(operation_at(recorded, event.path).timeout != nullptr,
          event.path + " timed out, but has no timeout");
  task.timed_out = true;
}

void Oracles::on(Recorded& recorded, const engine::Stopping& event) {
  if (event.path.empty())
    recorded.stopping = true;
  else
    recorded.tasks[event.path].stopping = true;
}

void Oracles::on(Recorded& recorded, const engine::Ended& event) {
  auto& task = recorded.tasks[event.path];
  require(!task.ended, event.path + " ended twice");
  require(task.open_fence.empty(), event.path + " ended while an attempt was open");
  require(task.running_iterations == 0, event.path + " ended while an iteration was open");
  require(event.failure.source != event.path || event.failure.kind != "timeout" || task.timed_out,
          event.path + " failed with a timeout, but its last attempt had none");
  task.ended = event.status;
}

void Oracles::on(Recorded& recorded, const engine::RunEnded&) {
  for (const auto& [path, task] : recorded.tasks)
    require(task.ended.has_value(), "the run ended before " + path);
  if (!rebuilding_) Reference(*recorded.plan, recorded.history).check();
  recorded.ended = true;
}

const Oracles::TaskBook* Oracles::open_task(const ports::Attempt& attempt) const {
  const auto recorded = recorded_.find(attempt.run.text);
  if (recorded == recorded_.end()) return nullptr;
  const auto task = recorded->second.tasks.find(attempt.path);
  const bool open = task != recorded->second.tasks.end() && task->second.open_fence == attempt.fence.text;
  return open ? &task->second : nullptr;
}

bool Oracles::is_open(const ports::Attempt& attempt) const { return open_task(attempt) != nullptr; }

bool Oracles::is_to_be_cancelled(const ports::Attempt& attempt) const {
  const auto* task = open_task(attempt);
  return task != nullptr && (task->timed_out || task->stopping);
}

void Oracles::check_start(const ports::Attempt& attempt) const {
  const auto found = recorded_.find(attempt.run.text);
  require(found != recorded_.end(), "an attempt of a run that is not in the journal");
  const auto& recorded = found->second;
  const auto task = recorded.tasks.find(attempt.path);
  require(task != recorded.tasks.end() && task->second.open_fence == attempt.fence.text &&
              task->second.number == attempt.number,
          attempt.path + " starts, but the journal has no open attempt with its fence");
  for (const auto& place : places_of(recorded, attempt.path)) check_upstream(recorded, place);
}

void Oracles::check_upstream(const Recorded& recorded, const Place& place) const {
  auto found = dependencies_.find(place.region);
  if (found == dependencies_.end())
    found = dependencies_.emplace(place.region, ir::dependencies_of(*place.region)).first;
  const auto& operation = place.operation();
  bool all_ended = true;
  bool any_succeeded = false;
  bool any_failed = false;
  const auto& upstream = found->second.upstream[place.index];
  for (const auto& need : upstream) {
    const auto task = recorded.tasks.find(place.prefix + place.region->operations[need.operation].name);
    const auto ended = task == recorded.tasks.end() ? std::nullopt : task->second.ended;
    all_ended = all_ended && ended;
    any_succeeded = any_succeeded || ended == Status::succeeded;
    any_failed = any_failed || (ended && counts_as_failed(*ended));
    require(!need.operand || ended == Status::succeeded || operation.trigger == ir::Trigger::any_failed ||
                operation.trigger == ir::Trigger::any_succeeded,
            place.prefix + operation.name + " starts before an operand has succeeded");
  }
  const auto what = place.prefix + operation.name + " starts against its trigger";
  switch (operation.trigger) {
    case ir::Trigger::succeeded:
    case ir::Trigger::none_failed: return require(all_ended && !any_failed, what);
    case ir::Trigger::completed: return require(all_ended, what);
    case ir::Trigger::any_succeeded: return require(any_succeeded || upstream.empty(), what);
    case ir::Trigger::any_failed: return require(any_failed, what);
  }
}

std::vector<Oracles::Place> Oracles::places_of(const Recorded& recorded, const std::string& path) {
  std::vector<Place> places;
  const auto* region = &recorded.plan->find(recorded.created.pipeline)->body;
  std::size_t at = 0;
  for (;;) {
    const auto slash = std::min(path.find('/', at), path.size());
    const auto segment = path.substr(at, slash - at);
    const auto name = segment.substr(0, segment.find_first_of("[{"));
    const auto found = std::ranges::find(region->operations, name, &ir::Operation::name);
    require(found != region->operations.end(), "the journal names " + path + ", which is not in the plan");
    places.push_back({.region = region,
                      .index = static_cast<std::size_t>(found - region->operations.begin()),
                      .prefix = path.substr(0, at)});
    if (slash == path.size()) return places;
    if (const auto* call = std::get_if<ir::PipelineCall>(&found->what)) {
      region = &recorded.plan->find(call->pipeline)->body;
    } else {
      const auto arm = segment.find('{');
      const auto inner = arm == std::string::npos ? 0 : std::stoul(segment.substr(arm + 1));
      region = ir::regions_of(*found).at(inner);
    }
    at = slash + 1;
  }
}

const ir::Operation& Oracles::operation_at(const Recorded& recorded, const std::string& path) {
  return places_of(recorded, path).back().operation();
}

}  // namespace sluice::sim
