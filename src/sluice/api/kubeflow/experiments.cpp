// Experiments: groups of runs.
#include <array>

#include "sluice/api/kubeflow/lists.hpp"
#include "sluice/api/kubeflow/responses.hpp"

namespace sluice::api::kubeflow {
namespace {

using Kind = ListField::Kind;
constexpr auto fields = std::to_array<ListField>({
    {.name = "experiment_id", .key = "id", .kind = Kind::id},
    {.name = "id", .key = "id", .kind = Kind::id},
    {.name = "display_name", .key = "name"},
    {.name = "name", .key = "name"},
    {.name = "description", .key = "description"},
    {.name = "created_at", .key = "created_at", .kind = Kind::time},
    {.name = "last_run_created_at", .key = "last_run_created_at", .kind = Kind::time},
    {.name = "storage_state", .key = "archived", .kind = Kind::storage_state},
});

Struct shape_of(const ports::RunGroup& group) {
  Struct out;
  out.set("experiment_id", group.id);
  out.set("display_name", group.name);
  out.set("description", group.description);
  out.set("created_at", time_of(group.created));
  out.set("namespace", group.principal.workspace);
  out.set("storage_state", group.archived ? "ARCHIVED" : "AVAILABLE");
  out.set("last_run_created_at", time_of(group.last_run));
  return out;
}

Result<ports::Response> create(const KubeflowApi& api, const ports::Request& request) {
  SLUICE_TRY(body, Fields::of(request));
  SLUICE_TRY(wanted, body.text("namespace"));
  SLUICE_DO(check_namespace(request.principal, wanted));
  SLUICE_TRY(name, body.text("display_name"));
  SLUICE_TRY(description, body.text("description"));
  SLUICE_TRY(made, api.groups.create(request.principal, std::move(name), std::move(description)));
  auto response = json(shape_of(made));
  response.subject = made.name;
  return response;
}

Result<ports::Response> list(const KubeflowApi& api, const ports::Request& request) {
  SLUICE_DO(check_namespace(request.principal, request.query_at("namespace")));
  SLUICE_TRY(wanted, list_request(request, fields));
  SLUICE_TRY(page, api.groups.list(request.principal.workspace, wanted.query));
  return list_response("experiments", page, token_of(wanted, page.next), shape_of);
}

Result<ports::Response> act(const KubeflowApi& api, const ports::Request& request) {
  const auto target = target_of(request);
  if (target.action != "archive" && target.action != "unarchive")
    return Fail(no_action(target, "archive, unarchive"));
  const bool archives = target.action == "archive";
  // First: of an archived experiment, no recurring run is enabled, whatever is killed in between.
  if (archives) SLUICE_DO(api.recurring.disable_all(request.principal.workspace, target.id));
  SLUICE_DO(api.groups.archive(request.principal.workspace, target.id, archives));
  return empty();
}

}  // namespace

void add_experiment_routes(const KubeflowApi& api, ports::Protocol& protocol) {
  auto& routes = protocol.routes;
  routes.push_back({.method = "POST",
                    .pattern = "/apis/v2beta1/experiments",
                    .handler = handler_of([api](const auto& r) { return create(api, r); }),
                    .change = "experiment.create"});
  routes.push_back({.method = "GET",
                    .pattern = "/apis/v2beta1/experiments",
                    .handler = handler_of([api](const auto& r) { return list(api, r); })});
  routes.push_back({.method = "GET",
                    .pattern = "/apis/v2beta1/experiments/{}",
                    .handler = handler_of([api](const ports::Request& r) -> Result<ports::Response> {
                      SLUICE_TRY(found, api.groups.find(r.principal.workspace, r.params.at(0)));
                      return json(shape_of(found));
                    })});
  routes.push_back({.method = "DELETE",
                    .pattern = "/apis/v2beta1/experiments/{}",
                    .handler = handler_of([api](const ports::Request& r) -> Result<ports::Response> {
                      SLUICE_DO(api.recurring.disable_all(r.principal.workspace, r.params.at(0)));
                      SLUICE_DO(api.groups.remove(r.principal.workspace, r.params.at(0)));
                      return empty();
                    }),
                    .change = "experiment.remove"});
  routes.push_back({.method = "POST",
                    .pattern = "/apis/v2beta1/experiments/{}",
                    .handler = handler_of([api](const auto& r) { return act(api, r); }),
                    .change = "experiment.change"});
}

}  // namespace sluice::api::kubeflow
