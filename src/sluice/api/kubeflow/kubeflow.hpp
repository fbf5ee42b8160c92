#pragma once
#include <functional>
#include <string>
#include <string_view>

#include "sluice/domain/pipelines/pipelines.hpp"
#include "sluice/domain/pipelines/recurring_runs.hpp"
#include "sluice/domain/pipelines/run_groups.hpp"
#include "sluice/ports/http.hpp"
#include "sluice/ports/object_store.hpp"

namespace sluice::api {

/// The dependencies of Kubeflow's API. They must outlive its routes.
struct KubeflowApi {
  pipelines::Pipelines& pipelines;
  pipelines::RunGroups& groups;
  pipelines::RecurringRuns& recurring;
  ports::ObjectStore& objects;
};

/// The API of Kubeflow Pipelines, version v2beta1: routes, JSON shapes and errors, as its own server has them
/// (README.md has the table of routes).
ports::Protocol kubeflow_protocol(const KubeflowApi& api);

}  // namespace sluice::api
