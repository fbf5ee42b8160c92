#include "sluice/api/kubeflow/kubeflow.hpp"

#include "sluice/api/kubeflow/responses.hpp"

namespace sluice::api {

ports::Protocol kubeflow_protocol(const KubeflowApi& api) {
  ports::Protocol protocol{.name = "kubeflow", .routes = {}, .error = kubeflow::error_response};
  kubeflow::add_experiment_routes(api, protocol);
  kubeflow::add_pipeline_routes(api, protocol);
  kubeflow::add_run_routes(api, protocol);
  kubeflow::add_recurring_run_routes(api, protocol);
  kubeflow::add_artifact_routes(api, protocol);
  kubeflow::add_other_routes(protocol);
  return protocol;
}

}  // namespace sluice::api
