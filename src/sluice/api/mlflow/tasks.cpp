#include "sluice/api/mlflow/tasks.hpp"

#include <fmt/format.h>

#include "sluice/domain/tracking/search_grammar.hpp"

namespace sluice::api::mlflow {
namespace {

Error not_own(const ports::TaskCaller& task, std::string_view what) {
  return user_error(
      Code::permission_denied,
      fmt::format(
          "the token of the task `{}` may log to its own run {} only, and not to {}; give the task a "
          "token with the role `run` as a secret: `env: {{MLFLOW_TRACKING_TOKEN: {{secret: NAME.KEY}}}}`",
          task.path, task.fence.text, what));
}

}  // namespace

Result<void> check_own(const MlflowApi& api, const ports::Request& request, const std::string& run) {
  if (!request.task) return {};
  SLUICE_TRY(is_own, api.task_runs.is_own(request.principal, *request.task, run));
  if (!is_own) return Fail(not_own(*request.task, "run " + tracking::shown(run)));
  return api.task_runs.begin(request.principal, *request.task);
}

AdmitTask admit_to_run(const MlflowApi& api) {
  return [api](const Fields& fields, const ports::Request& request) -> Result<void> {
    SLUICE_TRY(id, fields.run_id());
    return check_own(api, request, id);
  };
}

std::function<Result<bool>(const Fields& fields, const ports::Request& request)> begin_run_of_engine(
    const MlflowApi& api) {
  return [api](const Fields& fields, const ports::Request& request) -> Result<bool> {
    SLUICE_TRY(id, fields.run_id());
    return api.task_runs.begin_run(request.principal, {id});
  };
}

AdmitTask admit_to_model(const MlflowApi& api) {
  return [api](const Fields&, const ports::Request& request) -> Result<void> {
    SLUICE_TRY(model, api.logged_models.find(request.principal, request.params.at(0)));
    return check_own(api, request, model.source_run);
  };
}

AdmitTask admit_to_handler() {
  return [](const Fields&, const ports::Request&) { return Result<void>(); };
}

Result<void> admit_to_file(const MlflowApi& api, const ports::Request& request, const std::string& sent) {
  if (!request.task) return {};
  SLUICE_TRY(path, tracking::checked_artifact_path(sent));
  // EXPERIMENT/RUN/artifacts/…, EXPERIMENT/models/MODEL/artifacts/…
  auto segment = [&path, at = std::size_t{0}]() mutable {
    const auto end = std::min(path.find('/', at), path.size());
    auto found = path.substr(std::min(at, path.size()), end - std::min(at, end));
    at = end + 1;
    return found;
  };
  segment();
  auto run = segment();
  auto folder = segment();
  if (run == "models") {
    SLUICE_TRY(model, api.logged_models.find(request.principal, folder));
    run = model.source_run;
    folder = segment();
  }
  if (folder != "artifacts") return Fail(not_own(*request.task, "`" + tracking::shown(path) + "`"));
  return check_own(api, request, run);
}

Result<std::optional<ports::TrackedRun>> unbegun_run(const MlflowApi& api, const ports::Request& request,
                                                     const std::string& id) {
  if (!request.task || request.task->fence.text != id) return std::nullopt;
  const auto stored = api.experiments.store().run(request.principal.workspace, id);
  if (stored) return std::nullopt;
  SLUICE_TRY(run, api.task_runs.of_task(request.principal, *request.task));
  return run;
}

Result<ports::TrackedRun> find_run(const MlflowApi& api, const Principal& by, const std::string& id,
                                   const std::optional<ports::TaskCaller>& task) {
  auto stored = api.experiments.store().run(by.workspace, id);
  if (stored || stored.error().code != Code::not_found) return stored;
  if (task && task->fence.text == id) return api.task_runs.of_task(by, *task);
  return api.task_runs.of_run(by, {id});
}

}  // namespace sluice::api::mlflow
