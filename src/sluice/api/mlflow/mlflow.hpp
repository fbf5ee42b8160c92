#pragma once
#include <filesystem>
#include <functional>
#include <string>

#include "sluice/domain/models/registry.hpp"
#include "sluice/domain/tracking/artifact_files.hpp"
#include "sluice/domain/tracking/logged_models.hpp"
#include "sluice/domain/tracking/task_runs.hpp"
#include "sluice/domain/tracking/traces.hpp"
#include "sluice/domain/tracking/tracking.hpp"
#include "sluice/ports/http.hpp"
#include "sluice/ports/uploads.hpp"

namespace sluice::api {

/// The dependencies of MLflow's REST API. They must outlive its routes.
struct MlflowApi {
  tracking::Experiments& experiments;
  tracking::LoggedModels& logged_models;
  tracking::ArtifactFiles& artifacts;
  ports::Uploads& uploads;
  models::Registry& registry;
  tracking::Traces& traces;
  tracking::TaskRuns& task_runs;
  /// The file of MLflow's interface with this path below its folder; "": there is none.
  std::function<std::filesystem::path(const std::string&)> interface_file;
  bool is_encrypted = false;  ///< clients reach the server with TLS
};

/// MLflow's REST API, versions 2.0 and 3.0: routes, JSON shapes and errors, as MLflow 3.17 has them. The
/// table of its routes is in docs/mlflow.md.
ports::Protocol mlflow_protocol(const MlflowApi& api);

}  // namespace sluice::api
