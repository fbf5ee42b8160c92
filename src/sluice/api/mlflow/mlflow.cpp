#include "sluice/api/mlflow/mlflow.hpp"

#include "sluice/api/mlflow/responses.hpp"

namespace sluice::api {
namespace {

constexpr std::string_view mlflow_version = "3.17.2";

ports::Response server_info() {
  std::string body;
  JsonObject object(body);
  object.text("store_type", "SqlStore");
  object.boolean("workspaces_enabled", false);
  object.boolean("trace_archival_enabled", false);
  object.boolean("multipart_uploads_enabled", false);
  object.boolean("multipart_downloads_enabled", false);
  object.boolean("presigned_upload_run_id_supported", false);
  object.boolean("presigned_upload_model_id_supported", false);
  auto features = object.object("features_enabled");
  features.boolean("gateway", false);
  features.end();
  object.end();
  return mlflow::json(std::move(body));
}

ports::Route text_route(std::string path, std::string_view text) {
  return {.method = "GET",
          .pattern = std::move(path),
          .handler =
              [text](const ports::Request&, ports::Responder respond) {
                respond({.content_type = "text/html; charset=utf-8", .body = std::string(text)});
              },
          .is_brief = [](const ports::Request&) { return true; }};
}

}  // namespace

ports::Protocol mlflow_protocol(const MlflowApi& api) {
  ports::Protocol protocol{.name = "mlflow", .routes = {}, .error = mlflow::error_response};
  mlflow::Routes routes(protocol);
  routes.add_plain(text_route("/version", mlflow_version));
  routes.add_plain(text_route("/health", "OK"));
  routes.add("GET", "/server-info",
             [](const Fields&, const ports::Request&) -> Result<ports::Response> { return server_info(); },
             {.version = "3.0"});
  add_experiment_routes(api, routes);
  add_run_routes(api, routes);
  add_metric_routes(api, routes);
  add_logged_model_routes(api, routes);
  add_artifact_routes(api, routes);
  add_artifact_part_routes(api, routes);
  add_graphql_routes(api, routes);
  add_other_routes(routes);
  mlflow::add_interface_routes(api, protocol);
  add_trace_routes(api, routes);
  add_registered_model_routes(api, routes);
  add_model_version_routes(api, routes);
  return protocol;
}

}  // namespace sluice::api
