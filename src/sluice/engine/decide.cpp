#include "sluice/engine/decider.hpp"

namespace sluice::engine {

using Phase = OperationState::Phase;

namespace {

bool is_waiting_for_admission(const OperationState& operation) {
  return operation.phase == Phase::lookup || operation.phase == Phase::ready ||
         operation.phase == Phase::backoff;
}

}  // namespace

Decider::Decider(RunState& run, Agenda& agenda, Time now) : run_(run), agenda_(agenda), now_(now) {
  if (!agenda_.filled && run_.root) fill_agenda(*run_.root);
  agenda_.filled = true;
}

void Decider::fill_agenda(RegionState& region) {
  if (region.open == 0) agenda_.ended_regions.push_back(&region);
  for (auto& operation : region.operations) {
    if (!operation.ended()) agenda_.operations.push_back(&operation);
    for (auto& [index, inner] : operation.inner) fill_agenda(*inner);
  }
}

void Decider::on(LookedUp input) {
  auto* operation = run_.root ? run_.find(input.path) : nullptr;
  if (!operation || operation->phase != Phase::lookup) return;
  if (is_stopping(*operation)) return stop_operation(*operation);  // the last decision did not get that far
  emit(operation, CacheHit{.path = std::move(input.path),
                           .key = input.key,
                           .outputs = std::move(input.hit.outputs),
                           .run = std::move(input.hit.run),
                           .made_by = std::move(input.hit.path),
                           .at = now_});
  finish(*operation);
}

void Decider::on(Admitted input) {
  auto* operation = run_.root ? run_.find(input.path) : nullptr;
  if (!operation || !is_waiting_for_admission(*operation) || input.number != operation->task->number + 1)
    return;
  if (is_stopping(*operation)) return stop_operation(*operation);
  schedule(*operation, std::move(input.path), input.key ? input.key : operation->task->key,
           std::move(input.gpus));
}

void Decider::on(Rejected input) {
  auto* operation = run_.root ? run_.find(input.path) : nullptr;
  if (!operation || !is_waiting_for_admission(*operation)) return;
  if (is_stopping(*operation)) return stop_operation(*operation);
  fail(*operation, {.kind = "resources", .message = std::move(input.message)});
}

void Decider::on(AttemptFinished input) {
  auto* operation = run_.root ? run_.find(input.path) : nullptr;
  if (!operation || operation->phase != Phase::attempt || operation->task->number != input.number) return;
  emit(operation,
       AttemptEnded{
           .path = std::move(input.path), .number = input.number, .outcome = std::move(input.outcome)});
  finish(*operation);
}

void Decider::on(TimerFired input) {
  auto* operation = run_.root ? run_.find(input.path) : nullptr;
  if (!operation || !operation->task || operation->task->number != input.number) return;
  if (operation->phase == Phase::attempt && !operation->task->timed_out) {
    emit(operation, TimedOut{.path = std::move(input.path), .number = input.number});
    out_.commands.emplace_back(CancelAttempt{operation->task->fence});
  }
}

void Decider::on(CancelRun input) {
  if (!run_.root || run_.stopping) return;
  emit(nullptr, Stopping{.path = "", .reason = std::move(input.reason)});
  consider_all(*run_.root);
}

void Decider::on(LimitExceeded input) {
  if (!run_.root || run_.stopping) return;
  emit(nullptr, Stopping{.path = "", .reason = std::move(input.message), .limit = true});
  consider_all(*run_.root);
}

Decision Decider::finish() {
  // When an operation ends, others may begin, and its region may end, which ends the region's owner, and so
  // on. Operations come first: when a region is closed (and freed), none of its operations is left in the
  // queue. The agenda outlives the decision, so this holds over several, whatever input comes between them.
  while (!is_budget_spent()) {
    if (!agenda_.operations.empty()) {
      auto* operation = agenda_.operations.front();
      agenda_.operations.pop_front();
      consider(*operation);
    } else if (!agenda_.ended_regions.empty()) {
      auto* region = agenda_.ended_regions.front();
      agenda_.ended_regions.pop_front();
      region_ended(*region);
    } else if (!start_waiting_iterations()) {
      return std::move(out_);
    }
  }
  out_.more = true;
  return std::move(out_);
}

bool Decider::is_budget_spent() const {
  return out_.events.size() >= run_.limits.decision_events || bytes_ >= run_.limits.decision_bytes;
}

void Decider::emit(OperationState* of, Event event) {
  const auto applied = apply_event(run_, event, of);
  if (!applied) check_failed(applied.error().message.c_str());
  bytes_ += approximate_size(event);
  // A decision has one event or several; growing step by step would move the first ones again and again.
  if (out_.events.size() == 1) out_.events.reserve(8);
  out_.events.push_back(std::move(event));
}

void Decider::end(OperationState& operation, Status status, Struct outputs, Failure failure) {
  auto path = path_of(operation);
  auto& region = *operation.region;
  const bool was_stopping = region.stopping;
  if (operation.each) agenda_.waiting_for_room.erase(operation.each->ticket);
  if (failure.source.empty() && !failure.kind.empty()) failure.source = path;
  emit(&operation, Ended{.path = std::move(path),
                         .status = status,
                         .outputs = std::move(outputs),
                         .failure = std::move(failure),
                         .at = now_});
  consider_downstream(operation);
  if (region.stopping && !was_stopping) consider_all(region);
  if (region.open == 0) agenda_.ended_regions.push_back(&region);
}

void Decider::consider_downstream(OperationState& operation) {
  auto& region = *operation.region;
  const auto index = static_cast<std::size_t>(&operation - region.operations.data());
  for (const auto next : region.shape->dependencies.downstream[index])
    agenda_.operations.push_back(&region.operations[next]);
  if (region.held_back && !region.held_back->empty()) {
    auto* next = region.held_back->front();
    region.held_back->pop_front();
    next->held_back = false;
    agenda_.operations.push_back(next);
  }
}

bool Decider::is_stopping(const OperationState& operation) const {
  if (run_.stopping) return true;
  for (const auto* current = &operation; current; current = current->region->owner)
    if (current->stopping || current->region->stopping) return true;
  return false;
}

/// The innermost reason for which a stopping operation is to end.
std::string Decider::stop_reason(const OperationState& operation) const {
  if (run_.stopping) return run_.stop_reason;
  for (const auto* current = &operation; current; current = current->region->owner) {
    const auto* each = std::get_if<ir::Each>(&current->operation->what);
    if (each && each->on_failure == ir::Each::OnFailure::stop && current->each && current->each->failed > 0)
      return "an iteration failed";
    if (!current->region->stopping) continue;
    for (const auto& other : current->region->operations)
      if (other.bad() && other.operation->fails) return "`" + other.operation->name + "` failed";
  }
  return {};
}

/// In the order of the plan; each is stopped, if that is the reason, when it is considered.
void Decider::consider_all(RegionState& region) {
  for (auto& operation : region.operations)
    if (!operation.ended()) agenda_.operations.push_back(&operation);
}

void Decider::stop_operation(OperationState& operation) {
  switch (operation.phase) {
    case Phase::ended: return;
    case Phase::attempt:
      // Its outcome still arrives, and ends the operation.
      if (!operation.stopping) {
        emit(&operation, Stopping{.path = path_of(operation), .reason = stop_reason(operation)});
        out_.commands.emplace_back(CancelAttempt{operation.task->fence});
      }
      return;
    case Phase::open:
      if (!operation.stopping) {
        emit(&operation, Stopping{.path = path_of(operation), .reason = stop_reason(operation)});
        for (auto& [index, region] : operation.inner) consider_all(*region);
      }
      if (operation.each) start_iterations(operation);
      return;
    case Phase::waiting:
    case Phase::lookup:
    case Phase::ready:
    case Phase::deciding:
    case Phase::backoff:
      end(operation, Status::cancelled, {}, {.kind = "cancelled", .message = "cancelled before it began"});
      return;
  }
}

}  // namespace sluice::engine
