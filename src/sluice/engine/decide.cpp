#include "sluice/engine/decider.hpp"

namespace sluice::engine {

using Phase = OperationState::Phase;

void Decider::begin() { start_region(*run_.root); }

void Decider::on(const LookedUp& input) {
  auto* operation = run_.root ? run_.find(input.path) : nullptr;
  if (!operation || operation->phase != Phase::lookup) return;
  if (!input.hit) {
    schedule(*operation, input.key);
    return;
  }
  emit(CacheHit{.path = input.path,
                .key = *input.key,
                .outputs = input.hit->outputs,
                .run = input.hit->run,
                .made_by = input.hit->path,
                .at = now_});
  finish(*operation);
}

void Decider::on(const AttemptFinished& input) {
  auto* operation = run_.root ? run_.find(input.path) : nullptr;
  if (!operation || operation->phase != Phase::attempt || operation->task->number != input.number) return;
  emit(AttemptEnded{.path = input.path, .number = input.number, .outcome = input.outcome});
  finish(*operation);
}

void Decider::on(const TimerFired& input) {
  auto* operation = run_.root ? run_.find(input.path) : nullptr;
  if (!operation || !operation->task || operation->task->number != input.number) return;
  if (operation->phase == Phase::backoff && now_ >= operation->task->due) {
    schedule(*operation, operation->task->key);
  } else if (operation->phase == Phase::attempt && !operation->task->timed_out) {
    emit(TimedOut{.path = input.path, .number = input.number});
    out_.commands.emplace_back(CancelAttempt{operation->task->fence});
  }
}

void Decider::on(const CancelRun& input) {
  if (!run_.root || run_.stopping) return;
  emit(Stopping{.path = "", .reason = input.reason});
  stop_region(*run_.root, input.reason);
}

Decision Decider::finish() {
  // When an operation ends, others may begin, and its region may end, which ends the region's owner, and so
  // on. Operations come first: when a region is closed (and freed), none of its operations is left in the
  // queue.
  for (;;) {
    if (!to_consider_.empty()) {
      auto* operation = to_consider_.front();
      to_consider_.pop_front();
      consider(*operation);
    } else if (!ended_regions_.empty()) {
      auto* region = ended_regions_.front();
      ended_regions_.pop_front();
      region_ended(*region);
    } else {
      return std::move(out_);
    }
  }
}

void Decider::emit(Event event) {
  const auto applied = apply_event(run_, event);
  if (!applied) check_failed(applied.error().message.c_str());
  out_.events.push_back(std::move(event));
}

void Decider::end(OperationState& operation, Status status, Struct outputs, Failure failure) {
  auto path = path_of(operation);
  if (failure.source.empty() && !failure.kind.empty()) failure.source = path;
  emit(Ended{.path = std::move(path),
             .status = status,
             .outputs = std::move(outputs),
             .failure = std::move(failure),
             .at = now_});
  auto& region = *operation.region;
  // Evaluated before others are stopped, so that each region is closed once.
  const bool last = region.open == 0;
  consider_downstream(operation);
  const bool stops = region.shape->region->on_failure == ir::Each::OnFailure::stop && operation.bad() &&
                     operation.operation->fails;
  if (stops) stop_region(region, "`" + operation.operation->name + "` failed");
  if (last) ended_regions_.push_back(&region);
}

void Decider::consider_downstream(OperationState& operation) {
  auto& region = *operation.region;
  const auto index = static_cast<std::size_t>(&operation - region.operations.data());
  for (const auto next : region.shape->dependencies.downstream[index])
    to_consider_.push_back(&region.operations[next]);
  if (region.shape->region->limit) {
    // An operation that the limit held back may begin now.
    for (auto& other : region.operations)
      if (other.phase == Phase::waiting && other.waiting_for == 0) to_consider_.push_back(&other);
  }
}

bool Decider::is_stopping(const OperationState& operation) const {
  if (run_.stopping) return true;
  for (const auto* current = &operation; current; current = current->region->owner)
    if (current->stopping) return true;
  return false;
}

void Decider::stop_region(RegionState& region, const std::string& reason) {
  for (auto& operation : region.operations)
    if (!operation.ended()) stop_operation(operation, reason);
}

void Decider::stop_operation(OperationState& operation, const std::string& reason) {
  switch (operation.phase) {
    case Phase::ended: return;
    case Phase::attempt:
      // Its outcome still arrives, and ends the operation.
      if (!operation.stopping) {
        emit(Stopping{.path = path_of(operation), .reason = reason});
        out_.commands.emplace_back(CancelAttempt{operation.task->fence});
      }
      return;
    case Phase::open:
      if (!operation.stopping) emit(Stopping{.path = path_of(operation), .reason = reason});
      for (auto& [index, region] : operation.inner) stop_region(*region, reason);
      return;
    case Phase::waiting:
    case Phase::lookup:
    case Phase::deciding:
    case Phase::backoff:
      end(operation, Status::cancelled, {}, {.kind = "cancelled", .message = "cancelled before it began"});
      return;
  }
}

}  // namespace sluice::engine
