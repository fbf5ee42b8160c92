#include <cmath>
#include <span>

#include <fmt/compile.h>

#include "sluice/engine/decider.hpp"
#include "sluice/ir/duration.hpp"

namespace sluice::engine {

using Phase = OperationState::Phase;

namespace {

/// In thousandths: what a process or container occupies if the plan does not say it.
constexpr std::int64_t cpu_of_a_process = 1'000;

/// After this many attempts in a row were lost, the task itself is considered to be the cause.
constexpr std::int64_t lost_in_a_row_max = 5;

/// Differs between any two attempts of any runs, also if two engines decide the same number: they have
/// different epochs.
Fence fence_of(const RunState& run, const std::string& path, std::int64_t number) {
  constexpr std::size_t bytes = 16;
  const auto digest =
      Digest::of(fmt::format(FMT_COMPILE("{}\n{}\n{}\n{}"), run.created.run.text, path, number, run.epoch));
  return {to_hex(std::span(digest.bytes).first(bytes))};
}

}  // namespace

ir::Resources default_resources(const ir::Operation& operation) {
  return {.cpu = std::holds_alternative<ir::Process>(operation.what) ? cpu_of_a_process : 0};
}

ir::Resources resources_of(const OperationState& operation) {
  auto resources = default_resources(*operation.operation);
  if (const auto* given = operation.task->call.find("resources"); given && given->is_struct())
    for (const auto& [name, value] : *given->if_struct()) ir::assign_resource(resources, name, value);
  return resources;
}

std::optional<PythonEnvironment> environment_of(const RunState& run, const ir::Environment& required) {
  const auto* found = run.created.environments.find(ir::name_of(required));
  if (found == nullptr) return std::nullopt;
  const auto* lock = found->find("lock");
  if (lock == nullptr || !lock->is_artifact() || !lock->if_artifact()->digest) return std::nullopt;
  PythonEnvironment environment{.python = found->text_at("python"), .lock = *lock->if_artifact()};
  if (const auto* sources = found->find("sources"); sources && sources->is_list())
    for (const auto& source : *sources->if_list())
      if (const auto* artifact = source.if_artifact(); artifact && artifact->digest)
        environment.sources.push_back(*artifact);
  return environment;
}

TaskSpec work_of(const RunState& run, const OperationState& operation) {
  TaskSpec work;
  const auto& call = operation.task->call;
  work.pool = operation.operation->pool;
  work.gpus = operation.task->gpus;
  work.resources = resources_of(operation);
  if (const auto* process = std::get_if<ir::Process>(&operation.operation->what)) {
    work.kind = process->image ? TaskSpec::Kind::container : TaskSpec::Kind::process;
    if (process->image) {
      if (const auto* found = run.created.images.find(process->image->reference); found && found->is_string())
        work.image = *found->if_string();
      if (const auto* given = call.find("resources"); given && given->find("cpu"))
        work.cpu_max = work.resources.cpu;
    }
    if (const auto* argv = call.find("argv"); argv && argv->is_list()) work.argv = *argv->if_list();
    if (process->function)
      work.function =
          PythonFunction{.module = process->function->module, .function = process->function->function};
    if (process->script) work.script = process->script->text;
    if (const auto* args = call.find("args"); args && args->is_list()) work.args = *args->if_list();
    if (const auto* env = call.find("env"); env && env->is_struct()) work.env = *env->if_struct();
    if (process->code)
      if (const auto* code = run.created.code.find(*process->code); code && code->is_artifact())
        work.code = *code->if_artifact();
    if (process->environment) work.environment = environment_of(run, *process->environment);
    work.outputs = process->outputs;
    work.hermetic = process->hermetic;
  } else {
    work.kind = TaskSpec::Kind::service;
    work.service = std::get<ir::ServiceCall>(operation.operation->what).service;
  }
  if (const auto* with = call.find("with"); with && with->is_struct()) work.with = *with->if_struct();
  return work;
}

std::optional<Time> timeout_due(const OperationState& operation) {
  const auto& timeout = operation.operation->timeout;
  if (!timeout) return std::nullopt;
  const auto value = syntax::evaluate(*timeout, RegionScope(*operation.region));
  if (!value || !*value) return std::nullopt;
  const auto milliseconds = ir::duration_of(**value);
  if (!milliseconds) return std::nullopt;
  return operation.task->scheduled + *milliseconds;
}

void Decider::schedule(OperationState& operation, std::string path, std::optional<Digest> key,
                       std::vector<std::int64_t> gpus) {
  const auto number = operation.task->number + 1;
  auto fence = fence_of(run_, path, number);
  emit(&operation, Scheduled{.path = std::move(path),
                             .number = number,
                             .fence = std::move(fence),
                             .key = key,
                             .gpus = std::move(gpus),
                             .at = now_});
  commands_of(run_, operation, out_.commands);
}

/// An attempt has ended, or a look-up had a hit: ends the task, or starts another attempt.
void Decider::finish(OperationState& operation) {
  auto& task = *operation.task;
  if (task.last.status == Outcome::Status::succeeded)
    return complete(operation, std::move(task.last.outputs));
  if (is_stopping(operation))
    return end(operation, Status::cancelled, {}, {.kind = "cancelled", .message = "cancelled while it ran"});
  auto outcome = task.last;
  if (task.timed_out) {
    outcome.failure = {.kind = "timeout", .message = "took longer than its timeout"};
  } else if (outcome.status == Outcome::Status::lost) {
    // It keeps the slots of the lost attempt.
    if (task.lost < lost_in_a_row_max) return schedule(operation, path_of(operation), task.key, task.gpus);
    outcome.failure.message += "; " + std::to_string(lost_in_a_row_max) + " attempts in a row were lost";
  }
  if (outcome.failure.source.empty()) outcome.failure.source = path_of(operation);
  if (!retry(operation, outcome.failure)) fail(operation, std::move(outcome.failure));
}

/// docs/plans.md, Retries: the policies are tried in order, and each has its own counter.
bool Decider::retry(OperationState& operation, const Failure& failure) {
  auto& task = *operation.task;
  const auto& policies = operation.operation->retry;
  for (std::size_t i = 0; i < policies.size(); ++i) {
    const auto& policy = policies[i];
    const RegionScope scope(*operation.region, {{"error", failure_value(failure)}});
    if (policy.when) {
      const auto when = syntax::evaluate(*policy.when, scope);
      const auto* applies = when && *when ? (*when)->if_boolean() : nullptr;
      if (!applies || !*applies) continue;
    }
    const auto limit =
        policy.limit ? syntax::evaluate(*policy.limit, scope) : syntax::Evaluated(syntax::Maybe(Value(3)));
    const auto* limit_value = limit && *limit ? (*limit)->if_integer() : nullptr;
    const auto used = i < task.retries.size() ? task.retries[i] : 0;
    if (!limit_value || used >= *limit_value) continue;
    double delay =
        static_cast<double>(policy.backoff_ms) * std::pow(policy.factor, static_cast<double>(used));
    if (policy.backoff_max_ms) delay = std::min(delay, static_cast<double>(*policy.backoff_max_ms));
    constexpr double year = 366.0 * 24 * 3600 * 1000;
    const auto due = now_ + Milliseconds(static_cast<std::int64_t>(std::min(delay, year)));
    if (policy.within_ms && due - task.first_scheduled > Milliseconds(*policy.within_ms)) continue;
    emit(&operation, RetryAt{.path = path_of(operation), .due = due, .policy = static_cast<std::int64_t>(i)});
    commands_of(run_, operation, out_.commands);
    return true;
  }
  return false;
}

/// docs/plans.md, Yield of a task: it computes the task's outputs from the raw outputs, which are visible as
/// `self`.
void Decider::complete(OperationState& operation, Struct outputs) {
  if (operation.operation->yield.empty()) return end(operation, Status::succeeded, std::move(outputs), {});
  const RegionScope scope(*operation.region, {{"self", outputs}});
  Struct yielded;
  for (const auto& [name, expression] : operation.operation->yield) {
    auto value = syntax::evaluate(*expression, scope);
    if (!value) return fail(operation, failure_of(value.error(), path_of(operation)));
    if (*value) yielded.append(name, std::move(**value));
  }
  end(operation, Status::succeeded, std::move(yielded), {});
}

}  // namespace sluice::engine
