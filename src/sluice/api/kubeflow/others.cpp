// What every client asks, and what this server does not offer.
#include "sluice/api/kubeflow/responses.hpp"

namespace sluice::api::kubeflow {
namespace {

constexpr std::string_view visualizations =
    "visualizations are not made here: they would run code of the request; `sluice show` has the metrics and "
    "the files of a "
    "run";
constexpr std::string_view reports =
    "workflows are not reported here: there is no Kubernetes behind this server, which follows its own runs";

ports::Route refused(std::string method, std::string pattern, std::string_view why) {
  return {.method = std::move(method),
          .pattern = std::move(pattern),
          .handler = [why](const ports::Request&, ports::Responder respond) { respond(not_offered(why)); },
          .role = ports::Role::read};
}

}  // namespace

void add_other_routes(ports::Protocol& protocol) {
  auto& routes = protocol.routes;
  routes.push_back({.method = "GET",
                    .pattern = "/apis/v2beta1/healthz",
                    .handler =
                        [](const ports::Request&, ports::Responder respond) {
                          Struct health;
                          health.set("multi_user", false);
                          health.set("pipeline_store", "database");
                          respond(json(health));
                        },
                    .is_brief = [](const ports::Request&) { return true; }});
  // Whoever gets here may look at everything.
  routes.push_back({.method = "GET",
                    .pattern = "/apis/v2beta1/auth",
                    .handler = handler_of([](const ports::Request& request) -> Result<ports::Response> {
                      SLUICE_DO(check_namespace(request.principal, request.query_at("namespace")));
                      return empty();
                    })});
  routes.push_back(refused("POST", "/apis/v2beta1/visualizations/{}", visualizations));
  routes.push_back(refused("POST", "/apis/v2beta1/workflows", reports));
  routes.push_back(refused("POST", "/apis/v2beta1/scheduledworkflows", reports));
}

}  // namespace sluice::api::kubeflow
