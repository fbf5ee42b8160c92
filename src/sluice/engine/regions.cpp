#include "sluice/engine/decider.hpp"
#include "sluice/ir/inputs.hpp"
#include "sluice/ir/path.hpp"
#include "sluice/ir/types.hpp"

namespace sluice::engine {

namespace {

constexpr std::size_t failures_reported = 100;  ///< the maximum for one region

/// The failures in one region: their number, and the first ones.
struct Failures {
  std::size_t count = 0;
  std::vector<const Failure*> first;

  void add(const Failure& failure) {
    if (count++ < failures_reported) first.push_back(&failure);
  }
};

/// A single failure is returned unchanged; several are combined into one of kind `branches`.
Failure joined(const Failures& failures, std::size_t of) {
  if (failures.count == 1) return *failures.first.front();
  Failure out{.kind = "branches",
              .message = std::to_string(failures.count) + " of " + std::to_string(of) + " failed"};
  List all;
  for (const auto* failure : failures.first) {
    if (all.size() < 3)
      out.message +=
          (all.empty() ? ": " : "; ") + ir::readable_path(failure->source) + ": " + failure->message;
    all.push_back(failure_value(*failure));
  }
  if (failures.count > 3) out.message += "; …";
  out.payload = std::move(all);
  return out;
}

struct RegionEnd {
  Status status = Status::succeeded;
  Failure failure;
};

RegionEnd end_of(const RegionState& region) {
  Failures failures;
  bool cancelled = false;
  for (const auto& operation : region.operations) {
    // A blocked operation has no failure of its own: what blocked it is in the same region, and is reported.
    if (operation.bad() && operation.operation->fails && operation.failure) failures.add(*operation.failure);
    cancelled = cancelled || operation.status == Status::cancelled;
  }
  if (failures.count > 0)
    return {.status = Status::failed, .failure = joined(failures, region.operations.size())};
  for (const auto& operation : region.operations)
    if (operation.status == Status::blocked && operation.operation->fails)
      return {.status = Status::failed,
              .failure = {.kind = "blocked",
                          .message = "`" + operation.operation->name + "` could not run: an upstream failed",
                          .source = path_of(operation)}};
  if (cancelled)
    return {.status = Status::cancelled, .failure = {.kind = "cancelled", .message = "cancelled"}};
  return {};
}

struct NamedOutput {
  std::string_view name;
  const syntax::Expression* value;
  const ir::Type* type = nullptr;  ///< null: none is declared
};

/// The named outputs of the region: a pipeline's outputs, or the yield of an arm, an iteration or a block.
std::vector<NamedOutput> named_outputs(const RunState& run, const RegionState& region) {
  std::vector<NamedOutput> out;
  const auto pipeline_outputs = [&](const std::string& pipeline) {
    for (const auto& output : run.plan->find(pipeline)->outputs)
      out.push_back({output.name, output.value.get(), output.type ? &*output.type : nullptr});
  };
  if (!region.owner) {
    pipeline_outputs(run.created.pipeline);
  } else if (const auto* call = std::get_if<ir::PipelineCall>(&region.owner->operation->what)) {
    pipeline_outputs(call->pipeline);
  } else {
    const bool is_arm = std::holds_alternative<ir::Branch>(region.owner->operation->what);
    const auto& named = is_arm ? region.shape->region->yield : region.owner->operation->yield;
    for (const auto& [name, expression] : named) out.push_back({name, expression.get()});
  }
  return out;
}

/// Absent values are dropped (docs/plans.md, Absent values). On an error, `failure` is set.
Struct evaluated(const std::vector<NamedOutput>& outputs, const RegionState& region, Failure& failure) {
  Struct values;
  for (const auto& output : outputs) {
    auto value = syntax::evaluate(*output.value, RegionScope(region));
    if (!value) {
      failure = failure_of(value.error(), path_of(region));
      return {};
    }
    if (!*value) continue;
    // The verifier has checked what is known from the text; this value may be of type any.
    if (const auto problem = output.type ? ir::type_mismatch(**value, *output.type, false) : std::nullopt) {
      failure = {.kind = "type",
                 .message = "output `" + std::string(output.name) + "`: it should be " +
                            ir::describe(*output.type) + ", but " + *problem,
                 .source = path_of(region)};
      return {};
    }
    values.append(std::string(output.name), std::move(**value));
  }
  return values;
}

}  // namespace

void Decider::start_region(RegionState& region) {
  for (auto& operation : region.operations)
    if (operation.waiting_for == 0) agenda_.operations.push_back(&operation);
  if (region.open == 0) agenda_.ended_regions.push_back(&region);
}

/// Starts iterations while there are more, the window is open, and the run has room for them; otherwise the
/// `each` continues when an iteration of its own ends, when it is its turn, or with the next decision. Ends
/// the `each` after its last iteration.
void Decider::start_iterations(OperationState& operation, bool is_its_turn) {
  auto& each = *operation.each;
  const auto& definition = std::get<ir::Each>(operation.operation->what);
  const auto total = static_cast<std::int64_t>(each.items.size());
  const auto at_once = each.limit > 0 ? each.limit : run_.limits.iterations_at_once;
  const auto size = definition.region->operations.size();
  const bool stopped =
      is_stopping(operation) || (definition.on_failure == ir::Each::OnFailure::stop && each.failed > 0);
  while (!stopped && each.started < total && each.started - each.ended < at_once) {
    if (is_budget_spent()) return agenda_.operations.push_back(&operation);
    if (each.started > each.ended) {
      const bool has_room = run_.operations_in_iterations + size <= run_.limits.operations_in_iterations &&
                            run_.operations + size <= run_.limits.operations;
      if (!has_room || (!is_its_turn && !agenda_.waiting_for_room.empty())) {
        if (each.ticket == 0)
          agenda_.waiting_for_room.emplace(each.ticket = ++agenda_.last_ticket, &operation);
        return;
      }
    } else if (!may_start(operation, *definition.region)) {
      return;
    }
    emit(&operation, IterationStarted{.path = path_of(operation), .index = each.started});
    start_region(*operation.inner.at(each.started - 1));
  }
  if (each.ended == (stopped ? each.started : total)) each_ended(operation);
}

/// Called when nothing else is to be decided. False: no `each` waits for room, or there is none.
bool Decider::start_waiting_iterations() {
  if (agenda_.waiting_for_room.empty()) return false;
  auto& operation = *agenda_.waiting_for_room.begin()->second;
  const auto size = std::get<ir::Each>(operation.operation->what).region->operations.size();
  if (run_.operations_in_iterations + size > run_.limits.operations_in_iterations ||
      run_.operations + size > run_.limits.operations)
    return false;
  agenda_.waiting_for_room.erase(agenda_.waiting_for_room.begin());
  operation.each->ticket = 0;
  start_iterations(operation, true);
  return true;
}

void Decider::region_ended(RegionState& region) {
  auto [status, failure] = end_of(region);
  Struct outputs;
  if (status == Status::succeeded) {
    outputs = evaluated(named_outputs(run_, region), region, failure);
    if (!failure.kind.empty()) status = Status::failed;
  }
  if (!region.owner) {
    if (run_.stopping) {
      status = run_.stopped_by_limit ? Status::failed : Status::cancelled;
      failure = {.kind = run_.stopped_by_limit ? "limit" : "cancelled",
                 .message = run_.stop_reason.empty() ? "cancelled" : run_.stop_reason};
      outputs = {};
    }
    emit(
        nullptr,
        RunEnded{.status = status, .outputs = std::move(outputs), .failure = std::move(failure), .at = now_});
    return;
  }
  auto& owner = *region.owner;
  if (!owner.each) return end(owner, status, std::move(outputs), std::move(failure));
  const auto& definition = std::get<ir::Each>(owner.operation->what);
  // The each may list this failure among those of other iterations.
  if (failure.source.empty() && !failure.kind.empty()) failure.source = path_of(owner);
  emit(&owner, IterationEnded{.path = path_of(owner),
                              .index = region.index,
                              .status = status,
                              .outputs = std::move(outputs),
                              .failure = std::move(failure)});
  if (definition.on_failure == ir::Each::OnFailure::stop && owner.each->failed > 0 && !owner.stopping) {
    emit(&owner, Stopping{.path = path_of(owner), .reason = "an iteration failed"});
    for (auto& [index, other] : owner.inner) consider_all(*other);
  }
  start_iterations(owner);
}

void Decider::each_ended(OperationState& operation) {
  const auto& each = *operation.each;
  const auto& definition = std::get<ir::Each>(operation.operation->what);
  Failures failures;
  bool cancelled = false;
  for (const auto& result : each.results) {
    if (result.failure && (result.status == Status::failed || result.status == Status::blocked))
      failures.add(*result.failure);
    cancelled = cancelled || result.status == Status::cancelled || !result.ended;
  }
  const auto total = static_cast<std::int64_t>(each.items.size());
  auto tolerated = definition.tolerate.value_or(0);
  if (definition.tolerate_percent)
    tolerated = std::max(tolerated, total * *definition.tolerate_percent / 100);
  if (static_cast<std::int64_t>(failures.count) > tolerated)
    return fail(operation, joined(failures, each.items.size()));
  // Stopped by its own failures, which it tolerates, it succeeds; otherwise something else stopped it.
  const bool stopped_itself = failures.count > 0 && definition.on_failure == ir::Each::OnFailure::stop;
  if (cancelled && !stopped_itself)
    return end(operation, Status::cancelled, {}, {.kind = "cancelled", .message = "cancelled"});
  Struct outputs;
  for (const auto& [name, expression] : operation.operation->yield) {
    List list;
    for (const auto& result : each.results)
      if (const auto* value = result.outputs.find(name)) list.push_back(*value);
    outputs.append(name, std::move(list));
  }
  end(operation, Status::succeeded, std::move(outputs), {});
}

}  // namespace sluice::engine
