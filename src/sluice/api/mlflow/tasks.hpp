#pragma once
// What the tasks of runs may do besides looking: log to their own tracked run, and to those that they begin
// below it. The tracked run of a task begins with the first request that is admitted here.
#include <functional>
#include <optional>
#include <string>

#include "sluice/api/mlflow/fields.hpp"
#include "sluice/api/mlflow/mlflow.hpp"

namespace sluice::api::mlflow {

using AdmitTask = std::function<Result<void>(const Fields& fields, const ports::Request& request)>;

/// Of requests that name a run in their fields: it has to be the task's.
AdmitTask admit_to_run(const MlflowApi& api);
/// Begins the tracked run of a run of the engine to which nothing was logged yet.
std::function<Result<bool>(const Fields& fields, const ports::Request& request)> begin_run_of_engine(
    const MlflowApi& api);
/// Of requests that name a logged model in their path: a run of the task's has to have made it.
AdmitTask admit_to_model(const MlflowApi& api);
/// The handler decides itself.
AdmitTask admit_to_handler();

/// `path` is of a file of the task's: of one of its runs, or of a logged model that one of them made. Every
/// path is for others.
Result<void> admit_to_file(const MlflowApi& api, const ports::Request& request, const std::string& path);
/// The run is the task's; every run is for others.
Result<void> check_own(const MlflowApi& api, const ports::Request& request, const std::string& run);
/// The task's own run, if nothing was logged to it yet; nullopt also for others than tasks.
Result<std::optional<ports::TrackedRun>> unbegun_run(const MlflowApi& api, const ports::Request& request,
                                                     const std::string& id);
/// A tracked run, or what stands for it: that of a task that has not logged anything yet, of a run of the
/// engine that logs nothing.
Result<ports::TrackedRun> find_run(const MlflowApi& api, const Principal& by, const std::string& id,
                                   const std::optional<ports::TaskCaller>& task = std::nullopt);

}  // namespace sluice::api::mlflow
