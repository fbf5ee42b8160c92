#include "sluice/domain/tracking/task_runs.hpp"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "sluice/domain/tracking/rules.hpp"
#include "sluice/domain/tracking/tracking.hpp"

namespace sluice::tracking {
namespace {

constexpr std::size_t chosen_max = 10'000;

std::int64_t milliseconds(Time at) { return at.time_since_epoch().count(); }

/// "train" of the plan's file "train.yaml".
std::string experiment_name_of(const std::string& run_name) {
  auto name = std::filesystem::path(run_name).stem().string();
  if (name.empty() || name == "-") name = "pipelines";
  return name;
}

ports::TrackedRun run_of(const ports::RunRow& row, const ports::Experiment& experiment) {
  return {.id = row.id.text,
          .experiment = experiment.id,
          .name = experiment_name_of(row.name) + " " + row.id.text,
          .user = row.principal.name,
          .status = tracked_status_of(row.status),
          .started_ms = milliseconds(row.created),
          .ended_ms = row.ended ? std::optional(milliseconds(*row.ended)) : std::nullopt,
          .artifact_uri = artifacts_of_run(experiment, row.id.text),
          .metrics = {},
          .parameters = {},
          .tags = {{.key = "mlflow.source.name", .value = row.name},
                   {.key = "mlflow.source.type", .value = "PROJECT"},
                   {.key = "mlflow.user", .value = row.principal.name},
                   {.key = std::string(engine_run_tag), .value = row.id.text}},
          .datasets = {},
          .model_inputs = {},
          .model_outputs = {}};
}

void add_name_tag(ports::TrackedRun& run) {
  run.tags.push_back({.key = std::string(run_name_tag), .value = run.name});
  std::ranges::sort(run.tags, {}, &ports::KeyValue::key);
}

}  // namespace

ports::TrackedStatus tracked_status_of(std::string_view status) {
  if (status == "succeeded") return ports::TrackedStatus::finished;
  if (status == "cancelled") return ports::TrackedStatus::killed;
  if (status == "failed") return ports::TrackedStatus::failed;
  return ports::TrackedStatus::running;
}

Result<std::optional<ports::RunRow>> TaskRuns::row_of(const std::string& workspace, const RunId& run) const {
  SLUICE_TRY(found, ports_.runs.runs({.workspace = workspace, .id_prefix = run.text, .limit = 1}));
  if (found.empty() || found.front().id != run) return std::nullopt;
  return std::move(found.front());
}

Result<ports::Experiment> TaskRuns::experiment_for(const Principal& principal, const std::string& run_name) {
  const auto name = experiment_name_of(run_name);
  constexpr int tries = 2;  // another task may create it just now
  for (int i = 0; i < tries; ++i) {
    SLUICE_TRY(found, ports_.tracking.experiment_named(principal.workspace, name));
    if (found && found->active) return std::move(*found);
    if (found || !check_experiment_name(name)) break;
    auto made = ports_.tracking.create_experiment({.principal = principal,
                                                   .name = name,
                                                   .artifact_location = "",
                                                   .artifact_root = std::string(artifact_root),
                                                   .tags = {},
                                                   .at = ports_.clock.now()});
    if (made || made.error().code != Code::already_exists) return made;
  }
  SLUICE_TRY(fallback,
             ports_.tracking.experiment_named(principal.workspace, std::string(default_experiment)));
  if (fallback) return std::move(*fallback);
  return Fail(user_error(Code::not_found, fmt::format("there is no experiment `{}` to log to", name)));
}

Result<ports::Experiment> TaskRuns::experiment_of(const Principal& principal, const ports::TaskCaller& task,
                                                  const ports::RunRow& row) {
  std::optional<std::int64_t> chosen;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = chosen_.find(task.fence.text); found != chosen_.end()) chosen = found->second;
  }
  if (chosen) {
    auto experiment = ports_.tracking.experiment(principal.workspace, *chosen);
    if (experiment && experiment->active) return experiment;
  }
  return experiment_for(principal, row.name);
}

void TaskRuns::choose_experiment(const ports::TaskCaller& task, std::int64_t experiment) {
  const std::lock_guard lock(mutex_);
  if (chosen_.size() >= chosen_max) chosen_.clear();
  chosen_.insert_or_assign(task.fence.text, experiment);
}

ports::TrackedRun TaskRuns::made_of(const ports::TaskCaller& task, const ports::RunRow& row,
                                    const ports::Experiment& experiment) const {
  auto run = run_of(row, experiment);
  run.id = task.fence.text;
  run.name = task.attempt > 1 ? fmt::format("{} ({})", task.path, task.attempt) : task.path;
  run.status = ports::TrackedStatus::running;
  run.started_ms = milliseconds(ports_.clock.now());
  run.ended_ms = std::nullopt;
  run.artifact_uri = artifacts_of_run(experiment, run.id);
  run.tags.push_back({.key = std::string(task_tag), .value = task.path});
  run.tags.push_back({.key = std::string(parent_tag), .value = row.id.text});
  add_name_tag(run);
  return run;
}

Result<ports::TrackedRun> TaskRuns::of_task(const Principal& principal, const ports::TaskCaller& task) {
  auto stored = ports_.tracking.run(principal.workspace, task.fence.text);
  if (stored || stored.error().code != Code::not_found) return stored;
  SLUICE_TRY(row, row_of(principal.workspace, task.run));
  if (!row) return stored;
  SLUICE_TRY(experiment, experiment_of(principal, task, *row));
  return made_of(task, *row, experiment);
}

Result<void> TaskRuns::begin_run(const ports::RunRow& row) {
  const auto& principal = row.principal;
  SLUICE_TRY(begun, ports_.tasks.place_of(principal.workspace, row.id.text));
  if (begun) return {};
  SLUICE_TRY(experiment, experiment_for(principal, row.name));
  auto run = run_of(row, experiment);
  add_name_tag(run);
  return ports_.tasks.begin({.principal = principal, .run = std::move(run)}, {.run = row.id});
}

bool TaskRuns::goes_on(const std::string& workspace, const RunId& run) const {
  const auto row = row_of(workspace, run);
  return row && *row && !(*row)->ended;
}

Result<bool> TaskRuns::begin_run(const Principal& principal, const RunId& run) {
  SLUICE_TRY(row, row_of(principal.workspace, run));
  if (!row) return false;
  SLUICE_DO(begin_run(*row));
  return true;
}

Result<void> TaskRuns::begin(const Principal& principal, const ports::TaskCaller& task) {
  // Asked with each thing that is logged.
  SLUICE_TRY(begun, ports_.tasks.place_of(principal.workspace, task.fence.text));
  if (begun) return {};
  SLUICE_TRY(row, row_of(principal.workspace, task.run));
  if (!row) return Fail(user_error(Code::not_found, fmt::format("there is no run {}", task.run.text)));
  SLUICE_DO(begin_run(*row));
  SLUICE_TRY(experiment, experiment_of(principal, task, *row));
  return ports_.tasks.begin({.principal = principal, .run = made_of(task, *row, experiment)},
                            {.run = task.run, .path = task.path, .attempt = task.attempt});
}

Result<ports::TrackedRun> TaskRuns::begin_below(const Principal& principal, const ports::TaskCaller& task,
                                                ports::TrackedRun run) {
  SLUICE_DO(begin(principal, task));
  const auto has = [&run](std::string_view key) {
    return std::ranges::find(run.tags, key, &ports::KeyValue::key) != run.tags.end();
  };
  if (!has(parent_tag)) run.tags.push_back({.key = std::string(parent_tag), .value = task.fence.text});
  SLUICE_DO(ports_.tasks.begin({.principal = principal, .run = run},
                               {.run = task.run, .path = task.path, .attempt = task.attempt}));
  std::ranges::sort(run.tags, {}, &ports::KeyValue::key);
  return run;
}

Result<bool> TaskRuns::is_own(const Principal& principal, const ports::TaskCaller& task,
                              const std::string& tracked) const {
  if (tracked == task.fence.text) return true;
  SLUICE_TRY(place, ports_.tasks.place_of(principal.workspace, tracked));
  return place == ports::TaskPlace{.run = task.run, .path = task.path, .attempt = task.attempt};
}

Result<ports::TrackedRun> TaskRuns::of_run(const Principal& principal, const RunId& run) const {
  SLUICE_TRY(row, row_of(principal.workspace, run));
  if (!row) return Fail(user_error(Code::not_found, fmt::format("Run with id={} not found", run.text)));
  SLUICE_TRY(named, ports_.tracking.experiment_named(principal.workspace, experiment_name_of(row->name)));
  if (!named || !named->active) {
    SLUICE_TRY(fallback,
               ports_.tracking.experiment_named(principal.workspace, std::string(default_experiment)));
    named = std::move(fallback);
  }
  auto shown = run_of(*row, named.value_or(ports::Experiment{}));
  add_name_tag(shown);
  return shown;
}

}  // namespace sluice::tracking
