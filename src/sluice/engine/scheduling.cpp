#include <algorithm>

#include "sluice/base/json.hpp"
#include "sluice/engine/decider.hpp"
#include "sluice/ir/verify.hpp"

namespace sluice::engine {

using Phase = OperationState::Phase;
using syntax::Maybe;

namespace {

/// Whether a value has the path of the run's folder in it: what is there may change.
bool names_folder(const Value& value) {
  if (const auto* list = value.if_list()) return std::ranges::any_of(*list, names_folder);
  if (const auto* fields = value.if_struct())
    return std::ranges::any_of(*fields, [](const auto& field) { return names_folder(field.second); });
  const auto* late = value.if_late();
  return late != nullptr && std::ranges::any_of(late->parts, [](const auto& part) {
           const auto* hole = std::get_if<PathPlaceholder>(&part);
           return hole != nullptr && hole->kind == PathPlaceholder::Kind::folder;
         });
}

const ir::Signature* service_of(const ir::Signatures* services, const std::string& name) {
  const auto found = std::ranges::find(*services, name, &ir::Signature::name);
  return found == services->end() ? nullptr : &*found;
}

}  // namespace

Decider::Readiness Decider::readiness(const OperationState& operation) {
  const auto& region = *operation.region;
  const auto index = static_cast<std::size_t>(&operation - region.operations.data());
  const auto& upstream = region.shape->dependencies.upstream[index];
  bool failed = false;
  bool skipped = false;
  bool succeeded = false;
  bool operand_skipped = false;
  bool operand_failed = false;
  bool after_skipped = false;
  for (const auto& need : upstream) {
    const auto& other = region.operations[need.operation];
    if (!other.ended()) continue;
    const bool bad = other.bad() || other.status == Status::cancelled;
    failed = failed || bad;
    succeeded = succeeded || other.status == Status::succeeded;
    skipped = skipped || other.status == Status::skipped;
    // A value that is only read through default(), first() or present() is not an operand, and may be
    // missing.
    operand_failed = operand_failed || (bad && need.operand);
    operand_skipped = operand_skipped || (other.status == Status::skipped && need.operand);
    after_skipped = after_skipped || (other.status == Status::skipped && need.after);
  }
  const bool all = operation.waiting_for == 0;
  switch (operation.operation->trigger) {
    case ir::Trigger::succeeded:
      if (!all) return Readiness::not_yet;
      return failed ? Readiness::block : operand_skipped || after_skipped ? Readiness::skip : Readiness::fire;
    case ir::Trigger::none_failed:
      if (!all) return Readiness::not_yet;
      return failed ? Readiness::block : operand_skipped ? Readiness::skip : Readiness::fire;
    case ir::Trigger::completed:
      if (!all) return Readiness::not_yet;
      return operand_failed ? Readiness::block : operand_skipped ? Readiness::skip : Readiness::fire;
    case ir::Trigger::any_succeeded:
      if (succeeded) return Readiness::fire;
      if (!all) return Readiness::not_yet;
      return failed ? Readiness::block : skipped ? Readiness::skip : Readiness::fire;
    case ir::Trigger::any_failed:
      if (failed) return Readiness::fire;
      return all ? Readiness::skip : Readiness::not_yet;
  }
  return Readiness::not_yet;
}

void Decider::consider(OperationState& operation) {
  if (operation.ended()) return;
  if (is_stopping(operation)) return stop_operation(operation);
  if (operation.phase == Phase::waiting) return consider_waiting(operation);
  if (operation.phase == Phase::open && operation.each) start_iterations(operation);
}

void Decider::consider_waiting(OperationState& operation) {
  switch (readiness(operation)) {
    case Readiness::not_yet: return;
    case Readiness::skip: end(operation, Status::skipped, {}, {}); return;
    case Readiness::block: end(operation, Status::blocked, {}, {}); return;
    case Readiness::fire: break;
  }
  if (const auto& limit = operation.region->shape->region->limit) {
    const auto value = value_of(operation, *limit);
    if (!value) return;
    const auto* at_once = *value ? (*value)->if_integer() : nullptr;
    if (at_once && *at_once > 0 && operation.region->running >= static_cast<std::size_t>(*at_once)) {
      auto& held_back = operation.region->held_back;
      if (!held_back) held_back = std::make_unique<std::deque<OperationState*>>();
      if (!std::exchange(operation.held_back, true)) held_back->push_back(&operation);
      return;
    }
  }
  if (condition_holds(operation)) begin_operation(operation);
}

/// The value of an expression of this operation; nullopt if evaluation raised an error, which has ended
/// the operation.
std::optional<Maybe> Decider::value_of(OperationState& operation, const syntax::Expression& expression) {
  std::vector<std::pair<std::string_view, Value>> extra;
  if (operation.operation->condition.get() == &expression) {
    const auto& region = *operation.region;
    const auto index = static_cast<std::size_t>(&operation - region.operations.data());
    const bool failed =
        std::ranges::any_of(region.shape->dependencies.upstream[index],
                            [&](const auto& need) { return region.operations[need.operation].bad(); });
    Struct upstream;
    upstream.set("failed", failed);
    extra.emplace_back("upstream", std::move(upstream));
  }
  auto value = syntax::evaluate(expression, RegionScope(*operation.region, std::move(extra)));
  if (value) return std::move(*value);
  fail(operation, failure_of(value.error(), path_of(operation)));
  return std::nullopt;
}

/// Also false if the condition has ended the operation.
bool Decider::condition_holds(OperationState& operation) {
  const auto& condition = operation.operation->condition;
  if (!condition) return true;
  const auto value = value_of(operation, *condition);
  if (!value) return false;
  if (!*value) {
    end(operation, Status::skipped, {}, {});
    return false;
  }
  const auto* holds = (*value)->if_boolean();
  if (!holds) {
    fail(operation,
         {.kind = "type",
          .message = "`if` must be true or false, not " + std::string(kind_name((*value)->kind()))});
    return false;
  }
  if (!*holds) end(operation, Status::skipped, {}, {});
  return *holds;
}

bool Decider::may_start(OperationState& operation, const ir::Region& region) {
  if (run_.operations + region.operations.size() <= run_.limits.operations) return true;
  fail(
      operation,
      {.kind = "limit",
       .message =
           "a run has at most " + std::to_string(run_.limits.operations) +
           " operations at once, and this would start " + std::to_string(region.operations.size()) +
           " in addition to " + std::to_string(run_.operations) +
           "; nest fewer pipelines and loops, or raise the limit with `sluice up --run-limit operations=N`"});
  return false;
}

void Decider::begin_operation(OperationState& operation) {
  const auto& what = operation.operation->what;
  if (const auto* call = std::get_if<ir::PipelineCall>(&what)) return begin_call(operation, *call);
  if (const auto* branch = std::get_if<ir::Branch>(&what)) return begin_branch(operation, *branch);
  if (const auto* each = std::get_if<ir::Each>(&what)) return begin_each(operation, *each);
  if (const auto* error = std::get_if<ir::Raise>(&what)) return raise(operation, *error);
  if (const auto* block = std::get_if<ir::Block>(&what)) {
    if (!may_start(operation, *block->region)) return;
    emit(&operation, RegionStarted{.path = path_of(operation)});
    return start_region(*operation.inner.begin()->second);
  }
  begin_task(operation);
}

std::optional<Struct> Decider::named_values(OperationState& operation, const std::vector<ir::Named>& named) {
  Struct values;
  for (const auto& [name, expression] : named) {
    auto value = value_of(operation, *expression);
    if (!value) return std::nullopt;
    if (*value)
      values.append(name, std::move(**value));
    else if (stopped_by_absence(operation, *expression))
      return std::nullopt;
  }
  return values;
}

/// docs/plans.md, Absent values: an argument that is absent because an operation did not produce the output
/// ends the operation that reads it. One that is absent because an optional input was not given is left out.
bool Decider::stopped_by_absence(OperationState& operation, const syntax::Expression& expression) {
  const RegionScope scope(*operation.region);
  bool reads_operation = false;
  bool producer_failed = false;
  syntax::visit_references(expression, [&](std::string_view root, const auto&, syntax::Location) {
    const auto* producer = scope.operation(root);
    reads_operation = reads_operation || producer;
    producer_failed = producer_failed || (producer && producer->bad());
  });
  if (reads_operation) end(operation, producer_failed ? Status::blocked : Status::skipped, {}, {});
  return reads_operation;
}

std::optional<List> Decider::arguments(OperationState& operation,
                                       const std::vector<ir::ExpressionPtr>& argv) {
  List values;
  for (const auto& expression : argv) {
    auto value = value_of(operation, *expression);
    if (!value) return std::nullopt;
    if (!*value) {
      if (stopped_by_absence(operation, *expression)) return std::nullopt;
      continue;
    }
    if (const auto* list = (*value)->if_list())
      values.insert(values.end(), list->begin(), list->end());
    else
      values.push_back(std::move(**value));
  }
  return values;
}

void Decider::begin_task(OperationState& operation) {
  Struct call;
  bool cacheable = run_.created.cache && operation.operation->cache.enabled;
  if (const auto* process = std::get_if<ir::Process>(&operation.operation->what)) {
    auto argv = arguments(operation, process->argv);
    if (!argv) return;
    auto with = process->function ? named_values(operation, process->function->with) : Struct{};
    if (!with) return;
    auto env = named_values(operation, process->env);
    if (!env) return;
    auto args = arguments(operation, process->args);
    if (!args) return;
    // A container without a command runs that of its image, but not because the plan's is absent.
    const bool has_program =
        !argv->empty() || process->function || process->script || (process->image && process->argv.empty());
    if (!has_program)
      return fail(operation,
                  {.kind = "start", .message = "the command has no program: every argument is absent"});
    if (process->function) call.append("with", std::move(*with));
    if (!argv->empty()) call.append("argv", std::move(*argv));
    if (!args->empty()) call.append("args", std::move(*args));
    if (!env->empty()) call.append("env", std::move(*env));
    cacheable = cacheable && !names_folder(Value(call));
  } else {
    const auto& service_call = std::get<ir::ServiceCall>(operation.operation->what);
    auto with = named_values(operation, service_call.with);
    if (!with) return;
    call.append("with", std::move(*with));
    const auto* service = service_of(run_.services, service_call.service);
    cacheable = cacheable && service && service->effect == ir::Effect::none;
  }
  if (const auto& key = operation.operation->cache.key; key && cacheable) {
    auto value = value_of(operation, *key);
    if (!value) return;
    call.append("cache_key", value->value_or(Value{}));
  }
  auto resources = named_values(operation, operation.operation->resources);
  if (!resources) return;
  for (const auto& [name, value] : *resources) {
    ir::Resources ignored;
    if (auto problem = ir::assign_resource(ignored, name, value))
      return fail(operation, {.kind = "value", .message = std::move(*problem)});
  }
  if (!resources->empty()) call.append("resources", std::move(*resources));
  emit(&operation, TaskReady{.path = path_of(operation), .call = std::move(call), .cacheable = cacheable});
  commands_of(run_, operation, out_.commands);
}

void Decider::begin_call(OperationState& operation, const ir::PipelineCall& call) {
  auto with = named_values(operation, call.with);
  if (!with) return;
  const auto* callee = run_.plan->find(call.pipeline);
  auto inputs = ir::bind_inputs(*callee, *with, false);
  if (!inputs) return fail(operation, {.kind = "type", .message = inputs.error().message});
  if (!may_start(operation, callee->body)) return;
  emit(&operation, RegionStarted{.path = path_of(operation), .inputs = std::move(*inputs)});
  start_region(*operation.inner.begin()->second);
}

void Decider::begin_branch(OperationState& operation, const ir::Branch& branch) {
  for (std::size_t i = 0; i < branch.arms.size(); ++i) {
    const auto& arm = branch.arms[i];
    if (arm.when) {
      const auto value = value_of(operation, *arm.when);
      if (!value) return;
      const auto* holds = *value ? (*value)->if_boolean() : nullptr;
      if (*value && !holds)
        return fail(operation, {.kind = "type",
                                .message = "`when` must be true or false, not " +
                                           std::string(kind_name((*value)->kind()))});
      if (!holds || !*holds) continue;
    }
    if (!may_start(operation, *arm.region)) return;
    emit(&operation, RegionStarted{.path = path_of(operation), .arm = static_cast<std::int64_t>(i)});
    return start_region(*operation.inner.begin()->second);
  }
  end(operation, Status::succeeded, {}, {});  // no arm was taken, so its outputs are absent
}

void Decider::begin_each(OperationState& operation, const ir::Each& each) {
  const auto items = value_of(operation, *each.items);
  if (!items || (!*items && stopped_by_absence(operation, *each.items))) return;
  const auto* list = *items ? (*items)->if_list() : nullptr;
  if (!list)
    return fail(operation,
                {.kind = "type",
                 .message = "`each` needs a list, not " +
                            std::string(*items ? kind_name((*items)->kind()) : "an absent value")});
  if (list->size() > run_.limits.items)
    return fail(operation, {.kind = "limit",
                            .message = "`each` takes at most " + std::to_string(run_.limits.items) +
                                       " items, and this list has " + std::to_string(list->size()) +
                                       "; group several values into each item"});
  std::int64_t limit = 0;
  if (each.limit) {
    const auto value = value_of(operation, *each.limit);
    if (!value || (!*value && stopped_by_absence(operation, *each.limit))) return;
    const auto* at_once = *value ? (*value)->if_integer() : nullptr;
    if (!at_once || *at_once < 1)
      return fail(operation, {.kind = "value", .message = "`limit` must be an integer of at least 1"});
    limit = *at_once;
  }
  emit(&operation, RegionStarted{.path = path_of(operation), .items = *list, .limit = limit});
  start_iterations(operation);
}

void Decider::raise(OperationState& operation, const ir::Raise& raise) {
  const auto value = value_of(operation, *raise.value);
  if (!value || (!*value && stopped_by_absence(operation, *raise.value))) return;
  const auto payload = value->value_or(Value{});
  const auto* text = payload.if_string();
  fail(operation, {.kind = "raise", .message = text ? *text : to_json(payload), .payload = payload});
}

}  // namespace sluice::engine
