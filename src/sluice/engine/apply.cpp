#include "sluice/engine/state.hpp"

namespace sluice::engine {
namespace {

using Phase = OperationState::Phase;

Error impossible(std::string what) {
  return internal_error(Code::data_loss, "the journal does not fit the plan: " + std::move(what));
}

/// One step of the fold. Rejects an event that cannot occur in its operation's current phase.
class Step {
 public:
  Step(RunState& run, OperationState* of) : run_(run), of_(of) {}

  Result<void> operator()(const RunCreated&) { return Fail(impossible("a run is created twice")); }

  Result<void> operator()(const Claimed& e) {
    if (e.epoch != run_.epoch + 1) return Fail(impossible("epoch " + std::to_string(e.epoch)));
    run_.epoch = e.epoch;
    return {};
  }

  Result<void> operator()(const RegionStarted& e) {
    SLUICE_TRY(operation, at(e.path, Phase::waiting));
    begin(*operation);
    operation->phase = Phase::open;
    if (std::holds_alternative<ir::Each>(operation->operation->what)) {
      operation->each = std::make_unique<EachState>();
      operation->each->items = e.items;
      operation->each->limit = e.limit;
      operation->each->results.resize(e.items.size());
      return {};
    }
    const auto* branch = std::get_if<ir::Branch>(&operation->operation->what);
    if (branch && (e.arm < 0 || e.arm >= static_cast<std::int64_t>(branch->arms.size())))
      return Fail(impossible("`" + e.path + "` has no arm " + std::to_string(e.arm)));
    auto region =
        run_.make_region(body_of(run_, *operation->operation, e.arm), operation, branch ? e.arm : -1);
    if (std::holds_alternative<ir::PipelineCall>(operation->operation->what))
      run_.bind_pipeline(*region, e.inputs);
    operation->inner.emplace(region->index, std::move(region));
    return {};
  }

  Result<void> operator()(const IterationStarted& e) {
    SLUICE_TRY(operation, at(e.path, Phase::open));
    if (!operation->each || e.index != operation->each->started ||
        e.index >= static_cast<std::int64_t>(operation->each->items.size()))
      return Fail(impossible("iteration " + std::to_string(e.index) + " of `" + e.path + "`"));
    const auto& each = std::get<ir::Each>(operation->operation->what);
    auto region = run_.make_region(*each.region, operation, e.index);
    region->bindings.emplace_back(each.as, operation->each->items[static_cast<std::size_t>(e.index)]);
    if (!each.index.empty()) region->bindings.emplace_back(each.index, e.index);
    operation->each->started = e.index + 1;
    operation->inner.emplace(e.index, std::move(region));
    return {};
  }

  Result<void> operator()(const IterationEnded& e) {
    SLUICE_TRY(operation, at(e.path, Phase::open));
    const auto iteration = operation->inner.find(e.index);
    if (!operation->each || iteration == operation->inner.end())
      return Fail(impossible("iteration " + std::to_string(e.index) + " of `" + e.path + "`"));
    run_.release(*iteration->second);
    operation->inner.erase(iteration);
    auto& result = operation->each->results[static_cast<std::size_t>(e.index)];
    result.ended = true;
    result.status = e.status;
    if (!e.outputs.empty()) result.outputs = e.outputs;
    if (!e.failure.kind.empty()) result.failure = std::make_unique<Failure>(e.failure);
    ++operation->each->ended;
    if (e.status == Status::failed || e.status == Status::blocked) ++operation->each->failed;
    return {};
  }

  Result<void> operator()(const TaskReady& e) {
    SLUICE_TRY(operation, at(e.path, Phase::waiting));
    begin(*operation);
    operation->phase = e.cacheable ? Phase::lookup : Phase::ready;
    operation->task = std::make_unique<TaskState>();
    operation->task->call = e.call;
    return {};
  }

  Result<void> operator()(const CacheHit& e) {
    SLUICE_TRY(operation, at(e.path, Phase::lookup));
    operation->phase = Phase::deciding;
    operation->task->key = e.key;
    operation->task->last = {.status = Outcome::Status::succeeded, .outputs = e.outputs};
    return {};
  }

  Result<void> operator()(const Scheduled& e) {
    SLUICE_TRY(operation, find(e.path));
    auto* task = operation->task.get();
    if (!task || operation->ended() || operation->phase == Phase::attempt || e.number != task->number + 1)
      return Fail(impossible("attempt " + std::to_string(e.number) + " of `" + e.path + "`"));
    if (task->number == 0) task->first_scheduled = e.at;
    operation->phase = Phase::attempt;
    task->number = e.number;
    task->fence = e.fence;
    task->gpus = e.gpus;
    task->scheduled = e.at;
    task->timed_out = false;
    if (e.key) task->key = e.key;
    return {};
  }

  Result<void> operator()(const AttemptEnded& e) {
    SLUICE_TRY(operation, at(e.path, Phase::attempt));
    if (operation->task->number != e.number)
      return Fail(impossible("attempt " + std::to_string(e.number) + " of `" + e.path + "`"));
    operation->phase = Phase::deciding;
    operation->task->last = e.outcome;
    operation->task->lost = e.outcome.status == Outcome::Status::lost ? operation->task->lost + 1 : 0;
    return {};
  }

  Result<void> operator()(const RetryAt& e) {
    SLUICE_TRY(operation, at(e.path, Phase::deciding));
    auto& retries = operation->task->retries;
    if (e.policy < 0 || e.policy >= static_cast<std::int64_t>(operation->operation->retry.size()))
      return Fail(impossible("`" + e.path + "` has no retry policy " + std::to_string(e.policy)));
    retries.resize(operation->operation->retry.size());
    ++retries[static_cast<std::size_t>(e.policy)];
    operation->phase = Phase::backoff;
    operation->task->due = e.due;
    return {};
  }

  Result<void> operator()(const TimedOut& e) {
    SLUICE_TRY(operation, at(e.path, Phase::attempt));
    if (operation->task->number != e.number)
      return Fail(impossible("attempt " + std::to_string(e.number) + " of `" + e.path + "`"));
    operation->task->timed_out = true;
    return {};
  }

  Result<void> operator()(const Stopping& e) {
    if (e.path.empty()) {
      run_.stopping = true;
      run_.stop_reason = e.reason;
      run_.stopped_by_limit = e.limit;
      return {};
    }
    SLUICE_TRY(operation, find(e.path));
    operation->stopping = true;
    return {};
  }

  Result<void> operator()(const Ended& e) {
    SLUICE_TRY(operation, find(e.path));
    if (operation->ended()) return Fail(impossible("`" + e.path + "` ends twice"));
    if (operation->phase != Phase::waiting) --operation->region->running;
    operation->phase = Phase::ended;
    operation->status = e.status;
    if (!e.outputs.empty()) operation->outputs = e.outputs;
    if (!e.failure.kind.empty()) operation->failure = std::make_unique<Failure>(e.failure);
    run_.release_inner(*operation);
    operation->task.reset();
    operation->each.reset();
    operation->inner.clear();
    auto& region = *operation->region;
    if (region.shape->region->on_failure == ir::Each::OnFailure::stop && operation->bad() &&
        operation->operation->fails)
      region.stopping = true;
    --region.open;
    const auto index = static_cast<std::size_t>(operation - region.operations.data());
    for (const auto next : region.shape->dependencies.downstream[index])
      --region.operations[next].waiting_for;
    return {};
  }

  Result<void> operator()(const RunEnded& e) {
    if (run_.result) return Fail(impossible("the run ends twice"));
    run_.result = e;
    if (run_.root) run_.release(*run_.root);
    run_.root.reset();
    return {};
  }

 private:
  Result<OperationState*> find(const std::string& path) {
    auto* operation = of_ ? of_ : run_.find(path);
    if (!operation) return Fail(impossible("there is no operation `" + path + "`"));
    return operation;
  }
  Result<OperationState*> at(const std::string& path, Phase phase) {
    SLUICE_TRY(operation, find(path));
    if (operation->phase != phase)
      return Fail(impossible("this event cannot occur in the current phase of `" + path + "`"));
    return operation;
  }
  static void begin(OperationState& operation) { ++operation.region->running; }

  RunState& run_;
  OperationState* of_;  ///< see apply_event
};

}  // namespace

Result<void> apply_event(RunState& run, const Event& event, OperationState* of) {
  return std::visit(Step(run, of), event);
}

}  // namespace sluice::engine
