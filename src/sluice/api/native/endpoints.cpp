#include <fmt/format.h>

#include "sluice/api/native/responses.hpp"

namespace sluice::api {
namespace {

std::string_view name_of(serving::Hosts::State state) {
  switch (state) {
    case serving::Hosts::State::cold: return "cold";
    case serving::Hosts::State::loading: return "loading";
    case serving::Hosts::State::warm: return "warm";
  }
  return "?";
}

Struct deployment_to_json(const ports::Deployment& deployment) {
  Struct s;
  s.set("endpoint", deployment.endpoint);
  s.set("model", deployment.model);
  s.set("version", deployment.version);
  s.set("commit", deployment.commit);
  s.set("deployed", to_iso8601(deployment.at));
  s.set("by", deployment.principal.name);
  return s;
}

Result<ports::Response> list(const NativeApi& api, const ports::Request& request) {
  SLUICE_TRY(page, page_of(request));
  const auto limit = page.limit++;
  SLUICE_TRY(endpoints, api.serving.list(request.principal.workspace, page));
  Struct result;
  if (cut_to_page(endpoints, limit)) result.set("next", endpoints.back().deployment.endpoint);
  List out;
  for (const auto& endpoint : endpoints) {
    auto s = deployment_to_json(endpoint.deployment);
    s.set("state", name_of(endpoint.host.state));
    s.set("pid", static_cast<std::int64_t>(endpoint.host.pid));
    s.set("requests", endpoint.requests);
    s.set("open", static_cast<std::int64_t>(endpoint.open));
    out.emplace_back(std::move(s));
  }
  result.set("endpoints", std::move(out));
  return json_response(result);
}

Result<ports::Response> deploy(const NativeApi& api, const ports::Request& request) {
  SLUICE_TRY(body, body_of(request));
  SLUICE_TRY(model, text_of(body, "model"));
  SLUICE_TRY(version, text_of(body, "version", ""));
  SLUICE_TRY(deployment, api.serving.deploy(request.principal, request.params.at(0), model, version));
  return json_response(deployment_to_json(deployment));
}

Result<ports::Response> undeploy(const NativeApi& api, const ports::Request& request) {
  SLUICE_DO(api.serving.undeploy(request.principal.workspace, request.params.at(0)));
  return json_response(Struct{});
}

}  // namespace

void add_endpoint_routes(const NativeApi& api, ports::Protocol& protocol) {
  auto& routes = protocol.routes;
  routes.push_back({.method = "GET",
                    .pattern = "/v1/endpoints",
                    .handler = sync_handler([api](const auto& r) { return list(api, r); })});
  routes.push_back({.method = "PUT",
                    .pattern = "/v1/endpoints/{}",
                    .handler = sync_handler([api](const auto& r) { return deploy(api, r); }),
                    .change = "endpoint.deploy"});
  routes.push_back({.method = "DELETE",
                    .pattern = "/v1/endpoints/{}",
                    .handler = sync_handler([api](const auto& r) { return undeploy(api, r); }),
                    .change = "endpoint.undeploy"});
}

}  // namespace sluice::api
