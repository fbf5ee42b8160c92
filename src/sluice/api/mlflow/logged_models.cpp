// Logged models.
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "sluice/api/mlflow/responses.hpp"
#include "sluice/api/mlflow/searches.hpp"
#include "sluice/api/mlflow/tasks.hpp"
#include "sluice/domain/tracking/search_order.hpp"

namespace sluice::api::mlflow {
namespace {

using ports::LoggedModelStatus;

constexpr auto statuses = std::to_array<std::pair<LoggedModelStatus, std::string_view>>({
    {LoggedModelStatus::pending, "LOGGED_MODEL_PENDING"},
    {LoggedModelStatus::ready, "LOGGED_MODEL_READY"},
    {LoggedModelStatus::upload_failed, "LOGGED_MODEL_UPLOAD_FAILED"},
});

void write_model(JsonObject& object, const ports::LoggedModel& model) {
  auto info = object.object("info");
  info.text("model_id", model.id);
  info.text("experiment_id", std::to_string(model.experiment));
  info.text("name", model.name);
  info.integer("creation_timestamp_ms", model.created.time_since_epoch().count());
  info.integer("last_updated_timestamp_ms", model.updated.time_since_epoch().count());
  info.text("artifact_uri", model.artifact_location);
  for (const auto& [status, name] : statuses)
    if (status == model.status) info.text("status", name);
  info.text("model_type", model.type);
  if (!model.source_run.empty()) info.text("source_run_id", model.source_run);
  write_pairs(info, "tags", model.tags);
  info.end();
  auto data = object.object("data");
  write_pairs(data, "params", model.parameters);
  if (!model.metrics.empty()) {
    auto metrics = data.list("metrics");
    for (const auto& metric : model.metrics) {
      auto one = metrics.object();
      write_point(one, metric.metric.key, metric.metric.point);
      one.text("model_id", model.id);
      if (!metric.dataset_name.empty()) one.text("dataset_name", metric.dataset_name);
      if (!metric.dataset_digest.empty()) one.text("dataset_digest", metric.dataset_digest);
      one.text("run_id", metric.run);
      one.end();
    }
    metrics.end();
  }
  data.end();
}

ports::Response one_model(const ports::LoggedModel& model) {
  std::string body;
  JsonObject object(body);
  auto one = object.object("model");
  write_model(one, model);
  one.end();
  object.end();
  return json(std::move(body));
}

Result<ports::Response> create(const MlflowApi& api, const Fields& fields, const ports::Request& request) {
  tracking::LoggedModels::NewModel model;
  SLUICE_TRY(experiment, fields.experiment_id());
  model.experiment = experiment;
  SLUICE_TRY(name, fields.text("name"));
  model.name = std::move(name);
  SLUICE_TRY(type, fields.text("model_type"));
  model.type = std::move(type);
  SLUICE_TRY(run, fields.text("source_run_id"));
  model.source_run = std::move(run);
  SLUICE_TRY(parameters, fields.pairs("params"));
  model.parameters = std::move(parameters);
  SLUICE_TRY(tags, fields.pairs("tags"));
  model.tags = std::move(tags);
  if (request.task) {
    if (model.source_run.empty()) model.source_run = request.task->fence.text;
    SLUICE_DO(check_own(api, request, model.source_run));
    SLUICE_TRY(source, find_run(api, request.principal, model.source_run, request.task));
    model.experiment = source.experiment;
  }
  SLUICE_TRY(made, api.logged_models.create(request.principal, std::move(model)));
  return one_model(made);
}

Result<ports::Response> finalize(const MlflowApi& api, const Fields& fields, const ports::Request& request) {
  SLUICE_TRY(word, fields.needed("status"));
  for (const auto& [status, name] : statuses)
    if (name == word) {
      SLUICE_TRY(model, api.logged_models.finalize(request.principal, request.params.at(0), status));
      return one_model(model);
    }
  return Fail(
      user_error(Code::invalid_argument,
                 fmt::format("Invalid value '{}' for parameter 'status' supplied", tracking::shown(word))));
}

Result<ports::Response> search(const MlflowApi& api, const Fields& fields, const Principal& by) {
  constexpr std::int64_t results = 100;
  SLUICE_TRY(search, search_of(fields, tracking::logged_model_search(),
                               {.limit = results, .limit_max = 1000, .has_order_objects = true}));
  SLUICE_TRY(experiments, experiment_ids_of(fields));
  if (experiments.empty()) return Fail(missing_parameter("experiment_ids"));
  SLUICE_TRY(orders, fields.objects("order_by"));
  std::vector<tracking::LoggedModelOrder> order;
  for (const auto& one : orders) {
    SLUICE_TRY(name, one.needed("field_name"));
    SLUICE_TRY(ascending, one.flag("ascending"));
    order.push_back({.field_name = std::move(name), .ascending = ascending.value_or(true)});
  }
  SLUICE_TRY(parsed, tracking::parse_logged_model_order(order));
  search.order = std::move(parsed);
  SLUICE_TRY(given, fields.objects("datasets"));
  std::vector<ports::LoggedModels::DatasetFilter> datasets;
  for (const auto& one : given) {
    SLUICE_TRY(name, one.text("dataset_name"));
    SLUICE_TRY(digest, one.text("dataset_digest"));
    if (name.empty())
      return Fail(
          user_error(Code::invalid_argument, "`dataset_name` in the `datasets` clause must be specified."));
    datasets.push_back({.name = std::move(name), .digest = std::move(digest)});
  }
  SLUICE_TRY(found, api.logged_models.store().models(by.workspace, experiments, search, datasets));
  return page_response("models", std::move(found), search, write_model);
}

}  // namespace

void add_logged_model_routes(const MlflowApi& api, Routes& routes) {
  const auto with = [api](auto work) {
    return
        [api, work](const Fields& fields, const ports::Request& r) { return work(api, fields, r.principal); };
  };
  const auto own = admit_to_model(api);
  routes.add("POST", "/logged-models",
             [api](const Fields& fields, const auto& r) { return create(api, fields, r); },
             {.admit_task = admit_to_handler()});
  routes.add_search("/logged-models/search", with(search));
  routes.add(
      "GET", "/logged-models/{}", [api](const Fields& fields, const auto& r) -> Result<ports::Response> {
        SLUICE_TRY(removed, fields.flag("allow_deleted"));
        SLUICE_TRY(model, api.logged_models.find(r.principal, r.params.at(0), removed.value_or(false)));
        return one_model(model);
      });
  routes.add("PATCH", "/logged-models/{}",
             [api](const Fields& fields, const auto& r) { return finalize(api, fields, r); },
             {.admit_task = own});
  routes.add("DELETE", "/logged-models/{}", [api](const Fields&, const auto& r) -> Result<ports::Response> {
    SLUICE_DO(api.logged_models.remove(r.principal, r.params.at(0)));
    return empty();
  });
  routes.add(
      "POST", "/logged-models/{}/params",
      [api](const Fields& fields, const auto& r) -> Result<ports::Response> {
        SLUICE_TRY(parameters, fields.pairs("params"));
        SLUICE_DO(api.logged_models.log_parameters(r.principal, r.params.at(0), std::move(parameters)));
        return empty();
      },
      {.admit_task = own});
  routes.add("PATCH", "/logged-models/{}/tags",
             [api](const Fields& fields, const auto& r) -> Result<ports::Response> {
               SLUICE_TRY(tags, fields.pairs("tags"));
               SLUICE_DO(api.logged_models.set_tags(r.principal, r.params.at(0), std::move(tags)));
               return empty();
             },
             {.admit_task = own});
  routes.add("DELETE", "/logged-models/{}/tags/{}",
             [api](const Fields&, const auto& r) -> Result<ports::Response> {
               SLUICE_DO(api.logged_models.remove_tag(r.principal, r.params.at(0), r.params.at(1)));
               return empty();
             },
             {.admit_task = own});
}

}  // namespace sluice::api::mlflow
