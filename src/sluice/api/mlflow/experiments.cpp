// Experiments.
#include <fmt/format.h>

#include "sluice/api/mlflow/responses.hpp"
#include "sluice/api/mlflow/searches.hpp"
#include "sluice/api/mlflow/tasks.hpp"

namespace sluice::api::mlflow {
namespace {

Result<ports::Response> create(const MlflowApi& api, const Fields& fields, const ports::Request& request) {
  SLUICE_TRY(name, fields.needed("name"));
  SLUICE_TRY(location, fields.text("artifact_location"));
  SLUICE_TRY(tags, fields.pairs("tags"));
  SLUICE_TRY(made, api.experiments.create(request.principal, name, location, std::move(tags)));
  if (request.task) api.task_runs.choose_experiment(*request.task, made.id);
  std::string body;
  JsonObject object(body);
  object.text("experiment_id", std::to_string(made.id));
  object.end();
  auto response = json(std::move(body));
  response.subject = name;
  return response;
}

ports::Response one_experiment(const ports::Experiment& experiment) {
  std::string body;
  JsonObject object(body);
  auto one = object.object("experiment");
  write_experiment(one, experiment);
  one.end();
  object.end();
  return json(std::move(body));
}

/// A task that asks for an experiment is about to log there: `mlflow.set_experiment` does nothing else.
Result<ports::Response> get_by_name(const MlflowApi& api, const Fields& fields,
                                    const ports::Request& request) {
  SLUICE_TRY(name, fields.needed("experiment_name"));
  SLUICE_TRY(found, api.experiments.store().experiment_named(request.principal.workspace, name));
  if (found && request.task) api.task_runs.choose_experiment(*request.task, found->id);
  if (!found)
    return Fail(user_error(Code::not_found, fmt::format("Could not find experiment with name '{}'", name)));
  return one_experiment(*found);
}

Result<ports::Response> search(const MlflowApi& api, const Fields& fields, const Principal& by) {
  SLUICE_TRY(search,
             search_of(fields, tracking::experiment_search(), {.limit_max = 50'000, .view = "view_type"}));
  SLUICE_TRY(found, api.experiments.store().experiments(by.workspace, search));
  return page_response("experiments", std::move(found), search, write_experiment);
}

}  // namespace

void add_experiment_routes(const MlflowApi& api, Routes& routes) {
  routes.add("POST", "/experiments/create",
             [api](const Fields& fields, const auto& r) { return create(api, fields, r); },
             {.change = "experiment.create", .admit_task = admit_to_handler()});
  routes.add("GET", "/experiments/get",
             [api](const Fields& fields, const auto& r) -> Result<ports::Response> {
               SLUICE_TRY(id, fields.experiment_id());
               SLUICE_TRY(found, api.experiments.store().experiment(r.principal.workspace, id));
               return one_experiment(found);
             });
  routes.add("GET", "/experiments/get-by-name",
             [api](const Fields& fields, const auto& r) { return get_by_name(api, fields, r); });
  const Handle find = [api](const Fields& fields, const auto& r) { return search(api, fields, r.principal); };
  routes.add("GET", "/experiments/search", find);
  routes.add_search("/experiments/search", find);
  routes.add("POST", "/experiments/update",
             [api](const Fields& fields, const auto& r) -> Result<ports::Response> {
               SLUICE_TRY(id, fields.experiment_id());
               SLUICE_TRY(name, fields.needed("new_name"));
               SLUICE_DO(api.experiments.rename(r.principal, id, name));
               auto response = empty();
               response.subject = name;
               return response;
             },
             {.change = "experiment.rename"});
  const auto set_active = [api](bool active) {
    return [api, active](const Fields& fields, const ports::Request& r) -> Result<ports::Response> {
      SLUICE_TRY(id, fields.experiment_id());
      SLUICE_DO(api.experiments.set_active(r.principal, id, active));
      auto response = empty();
      response.subject = std::to_string(id);
      return response;
    };
  };
  routes.add("POST", "/experiments/delete", set_active(false), {.change = "experiment.remove"});
  routes.add("POST", "/experiments/restore", set_active(true), {.change = "experiment.restore"});
  routes.add("POST", "/experiments/set-experiment-tag",
             [api](const Fields& fields, const auto& r) -> Result<ports::Response> {
               SLUICE_TRY(id, fields.experiment_id());
               SLUICE_TRY(key, fields.needed("key"));
               SLUICE_TRY(value, fields.text("value"));
               SLUICE_DO(api.experiments.set_tag(r.principal, id, {.key = key, .value = value}));
               return empty();
             });
  routes.add("POST", "/experiments/delete-experiment-tag",
             [api](const Fields& fields, const auto& r) -> Result<ports::Response> {
               SLUICE_TRY(id, fields.experiment_id());
               SLUICE_TRY(key, fields.needed("key"));
               SLUICE_DO(api.experiments.remove_tag(r.principal, id, key));
               return empty();
             });
}

}  // namespace sluice::api::mlflow
