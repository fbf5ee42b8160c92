// What MLflow's interface asks of parts that this server does not have: empty answers, so that its pages show
// what there is, and refusals for what would start something.
#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/format.h>

#include "sluice/api/mlflow/responses.hpp"

namespace sluice::api::mlflow {
namespace {

struct Empty {
  std::string_view method;
  std::string_view version;
  std::string_view path;
  std::string_view body;
};

constexpr auto empties = std::to_array<Empty>({
    {"GET", "3.0", "/ui-telemetry",
     R"({"disable_ui_events":[],"disable_ui_telemetry":true,"ui_rollout_percentage":0})"},
    {"POST", "3.0", "/ui-telemetry", R"({"status":"disabled"})"},
    {"GET", "3.0", "/assistant/config", R"({"providers":{},"projects":{},"remote_access_allowed":false})"},
    {"GET", "3.0", "/assistant/providers", R"({"providers":[]})"},
    {"POST", "2.0", "/experiments/search-datasets", "{}"},
    {"GET", "2.0", "/gateway-proxy", R"({"endpoints":[]})"},
    {"GET", "2.0", "/webhooks", "{}"},
    {"GET", "3.0", "/scorers/list", "{}"},
    {"POST", "3.0", "/datasets/search", "{}"},
    {"GET", "3.0", "/datasets/search", "{}"},
    {"GET", "3.0", "/gateway/secrets/list", "{}"},
    {"GET", "3.0", "/gateway/endpoints/list", "{}"},
    {"GET", "3.0", "/gateway/model-definitions/list", "{}"},
    {"GET", "3.0", "/gateway/endpoints/bindings/list", "{}"},
    {"GET", "3.0", "/gateway/secrets/config",
     R"({"secrets_available":false,"using_default_passphrase":false})"},
    {"GET", "3.0", "/review-queues/list", R"({"next_page_token":""})"},
    {"GET", "3.0", "/review-queues/items/list", R"({"next_page_token":""})"},
    {"GET", "3.0", "/label-schemas/list", R"({"label_schemas":[]})"},
    {"GET", "3.0", "/mcp-servers", R"({"mcp_servers":[],"next_page_token":null})"},
});

/// What would be begun, or read of it, and by which routes.
struct Refused {
  std::string_view version;
  std::string_view path;
  std::string_view what;
};
constexpr auto refusals = std::to_array<Refused>({
    {"2.0", "/gateway-proxy", "MLflow's AI gateway"},
    {"3.0", "/gateway/{*}", "MLflow's AI gateway"},
    {"2.0", "/webhooks", "webhooks"},
    {"2.0", "/webhooks/{*}", "webhooks"},
    {"3.0", "/scorers/{*}", "registered judges"},
    {"3.0", "/scorer/{*}", "judges"},
    {"3.0", "/jobs/{*}", "jobs"},
    {"3.0", "/assistant/{*}", "MLflow's assistant"},
    {"3.0", "/genai/{*}", "evaluation by the server"},
    {"3.0", "/demo/{*}", "demonstration data"},
    {"3.0", "/issues", "detection of issues"},
    {"3.0", "/issues/{*}", "detection of issues"},
    {"3.0", "/datasets/{*}", "datasets for evaluation"},
    {"3.0", "/label-schemas/{*}", "reviews by people"},
    {"3.0", "/review-queues/{*}", "reviews by people"},
    {"3.0", "/prompt-optimization/{*}", "the optimization of prompts"},
    {"3.0", "/workspaces", "workspaces of MLflow"},
    {"3.0", "/workspaces/{*}", "workspaces of MLflow"},
});

/// Whether exactly this has an empty answer. (Of what is below a path, that decides which is longer.)
bool is_empty(std::string_view method, const Refused& refused) {
  return std::ranges::any_of(empties, [&](const Empty& one) {
    return one.method == method && one.version == refused.version && one.path == refused.path;
  });
}

ports::Response refused(std::string_view what) {
  ports::Response response{.status = 501};
  JsonObject body(response.body);
  body.text("error_code", "NOT_IMPLEMENTED");
  body.text("message", fmt::format("this server does not run {}; docs/mlflow.md has what it does", what));
  body.end();
  return response;
}

}  // namespace

void add_other_routes(Routes& routes) {
  for (const auto& one : empties)
    routes.add(one.method, one.path,
               [body = one.body](const Fields&, const ports::Request&) -> Result<ports::Response> {
                 return json(std::string(body));
               },
               {.role = ports::Role::read, .version = std::string(one.version)});
  for (const auto& one : refusals)
    for (const std::string_view method : {"GET", "POST", "PUT", "PATCH", "DELETE"})
      if (!is_empty(method, one))
        routes.add(method, one.path,
                   [what = one.what](const Fields&, const ports::Request&) -> Result<ports::Response> {
                     return refused(what);
                   },
                   {.version = std::string(one.version)});
}

}  // namespace sluice::api::mlflow
