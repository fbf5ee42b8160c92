// Runs.
#include <array>

#include "sluice/api/kubeflow/lists.hpp"
#include "sluice/api/kubeflow/new_run.hpp"
#include "sluice/api/kubeflow/responses.hpp"
#include "sluice/api/kubeflow/states.hpp"
#include "sluice/api/kubeflow/task_details.hpp"

namespace sluice::api::kubeflow {
namespace {

using Kind = ListField::Kind;
constexpr auto fields = std::to_array<ListField>({
    {.name = "run_id", .key = "id", .kind = Kind::id},
    {.name = "id", .key = "id", .kind = Kind::id},
    {.name = "display_name", .key = "display_name"},
    {.name = "name", .key = "display_name"},
    {.name = "description", .key = "description"},
    {.name = "created_at", .key = "created_at", .kind = Kind::time},
    {.name = "scheduled_at", .key = "created_at", .kind = Kind::time},
    {.name = "finished_at", .key = "finished_at", .kind = Kind::time},
    {.name = "storage_state", .key = "archived", .kind = Kind::storage_state},
    {.name = "state", .key = "state", .kind = Kind::state},
    {.name = "status", .key = "state", .kind = Kind::state},
    {.name = "experiment_id", .key = "group", .kind = Kind::id},
    {.name = "pipeline_id", .key = "pipeline", .kind = Kind::id},
    {.name = "pipeline_version_id", .key = "version", .kind = Kind::id},
    {.name = "service_account", .key = "service_account"},
});

/// Without its tasks, and without the text of its plan.
Struct outline_of(const ports::GroupedRun& run) {
  Struct out;
  out.set("experiment_id", run.group);
  out.set("run_id", run.id);
  out.set("display_name", run.display_name);
  out.set("storage_state", run.archived ? "ARCHIVED" : "AVAILABLE");
  add_new_run(run, out);
  if (!run.schedule.empty()) out.set("recurring_run_id", run.schedule);
  out.set("created_at", time_of(run.created));
  out.set("scheduled_at", time_of(run.created));
  out.set("finished_at", time_of(run.ended));
  out.set("state", state_of(run));
  if (run.ended && run.status != "succeeded" && !run.message.empty())
    out.set("error", status_of(run.message));
  out.set("state_history", history_of(run));
  return out;
}

Result<ports::Response> create(const KubeflowApi& api, const ports::Request& request) {
  SLUICE_TRY(body, Fields::of(request));
  SLUICE_TRY(run, new_run_of(body, request));
  const bool has_spec = !run.text.empty();
  SLUICE_TRY(made, api.groups.submit(request.principal, std::move(run)));
  auto out = outline_of(made);
  if (has_spec) out.set("pipeline_spec", *body.find("pipeline_spec"));
  auto response = json(out);
  response.subject = made.id;
  return response;
}

Result<ports::Response> get(const KubeflowApi& api, const ports::Request& request) {
  SLUICE_TRY(run, api.groups.find_run(request.principal.workspace, request.params.at(0)));
  SLUICE_TRY(report, api.groups.report(run));
  auto out = outline_of(run);
  SLUICE_DO(add_spec(api, run, out));
  Struct details;
  details.set("task_details", task_details(run.id, report));
  out.set("run_details", std::move(details));
  return json(out);
}

Result<ports::Response> list(const KubeflowApi& api, const ports::Request& request) {
  SLUICE_DO(check_namespace(request.principal, request.query_at("namespace")));
  SLUICE_TRY(wanted, list_request(request, fields));
  SLUICE_TRY(page, api.groups.runs(request.principal.workspace,
                                   std::string(request.query_at("experiment_id")), wanted.query));
  return list_response("runs", page, token_of(wanted, page.next), outline_of);
}

Result<ports::Response> act(const KubeflowApi& api, const ports::Request& request) {
  const auto target = target_of(request);
  const auto& workspace = request.principal.workspace;
  if (target.action == "archive" || target.action == "unarchive") {
    SLUICE_DO(api.groups.archive_run(workspace, target.id, target.action == "archive"));
  } else if (target.action == "terminate") {
    SLUICE_DO(api.groups.cancel(workspace, target.id));
  } else if (target.action == "retry") {
    SLUICE_DO(api.groups.retry(request.principal, target.id));
  } else {
    return Fail(no_action(target, "archive, unarchive, terminate, retry"));
  }
  return empty();
}

}  // namespace

void add_run_routes(const KubeflowApi& api, ports::Protocol& protocol) {
  auto& routes = protocol.routes;
  routes.push_back({.method = "POST",
                    .pattern = "/apis/v2beta1/runs",
                    .handler = handler_of([api](const auto& r) { return create(api, r); }),
                    .body_max = pipelines::text_bytes_max,
                    .change = "run.submit"});
  routes.push_back({.method = "GET",
                    .pattern = "/apis/v2beta1/runs",
                    .handler = handler_of([api](const auto& r) { return list(api, r); })});
  routes.push_back({.method = "GET",
                    .pattern = "/apis/v2beta1/runs/{}",
                    .handler = handler_of([api](const auto& r) { return get(api, r); })});
  routes.push_back({.method = "DELETE",
                    .pattern = "/apis/v2beta1/runs/{}",
                    .handler = handler_of([api](const ports::Request& r) -> Result<ports::Response> {
                      SLUICE_DO(api.groups.remove_run(r.principal.workspace, r.params.at(0)));
                      return empty();
                    }),
                    .change = "run.remove"});
  routes.push_back({.method = "POST",
                    .pattern = "/apis/v2beta1/runs/{}",
                    .handler = handler_of([api](const auto& r) { return act(api, r); }),
                    .change = "run.change"});
}

}  // namespace sluice::api::kubeflow
