// What is logged to a run: metrics and parameters, one by one or in batches, and histories of metrics.
#include <cmath>

#include <fmt/format.h>

#include "sluice/api/mlflow/responses.hpp"
#include "sluice/api/mlflow/searches.hpp"
#include "sluice/api/mlflow/tasks.hpp"

namespace sluice::api::mlflow {
namespace {

Result<ports::Metric> metric_of(const Fields& fields) {
  SLUICE_TRY(key, fields.needed("key"));
  SLUICE_TRY(value, fields.number("value"));
  if (!value) return Fail(missing_parameter("value"));
  SLUICE_TRY(at, fields.integer("timestamp"));
  if (!at) return Fail(missing_parameter("timestamp"));
  SLUICE_TRY(step, fields.integer("step"));
  return ports::Metric{.key = std::move(key),
                       .point = {.step = step.value_or(0), .at_ms = *at, .value = *value}};
}

/// Of a metric that was measured on a logged model: logged there, too.
Result<void> log_to_model(const MlflowApi& api, const Fields& fields, const std::string& run,
                          const ports::Metric& metric) {
  SLUICE_TRY(model, fields.text("model_id"));
  if (model.empty()) return {};
  SLUICE_TRY(dataset, fields.text("dataset_name"));
  SLUICE_TRY(digest, fields.text("dataset_digest"));
  return api.logged_models.log_metric(model, {.metric = metric,
                                              .run = run,
                                              .dataset_name = std::move(dataset),
                                              .dataset_digest = std::move(digest)});
}

Result<ports::Response> log_batch(const MlflowApi& api, const Fields& fields, const Principal& by) {
  SLUICE_TRY(id, fields.run_id());
  ports::TrackedRunChange change;
  SLUICE_TRY(metrics, fields.objects("metrics"));
  change.metrics.reserve(metrics.size());
  for (const auto& one : metrics) {
    SLUICE_TRY(metric, metric_of(one));
    change.metrics.push_back(std::move(metric));
  }
  SLUICE_TRY(parameters, fields.pairs("params"));
  SLUICE_TRY(tags, fields.pairs("tags"));
  change.parameters = std::move(parameters);
  change.tags = std::move(tags);
  SLUICE_DO(api.experiments.log_batch(by, id, std::move(change)));
  for (const auto& one : metrics) {
    if (!one.has("model_id")) continue;
    SLUICE_TRY(metric, metric_of(one));
    SLUICE_DO(log_to_model(api, one, id, metric));
  }
  return empty();
}

Result<ports::Response> history(const MlflowApi& api, const Fields& fields, const Principal& by) {
  SLUICE_TRY(id, fields.run_id());
  SLUICE_TRY(key, fields.needed("metric_key"));
  SLUICE_TRY(token, fields.text("page_token"));
  SLUICE_TRY(given, fields.integer("max_results"));
  if (given && *given <= 0)
    return Fail(user_error(Code::invalid_argument,
                           fmt::format("Invalid value {} for parameter 'max_results' supplied. It must be a "
                                       "positive integer.",
                                       *given)));
  constexpr std::int64_t page_max = 100'000;
  SLUICE_TRY(offset, tracking::offset_of(token));
  const ports::Search search{
      .offset = static_cast<std::size_t>(offset),
      .limit = static_cast<std::size_t>(std::min(given.value_or(page_max), page_max)) + 1};
  SLUICE_TRY(points, api.experiments.store().history(by.workspace, id, key, search.offset, search.limit));
  return page_response("metrics", std::move(points), search,
                       [&](JsonObject& one, const auto& point) { write_point(one, key, point); });
}

Result<ports::Response> charts(const MlflowApi& api, const Fields& fields, const Principal& by) {
  SLUICE_TRY(query, chart_query_of(fields));
  std::string body;
  JsonObject object(body);
  auto list = object.list("metrics");
  for (const auto& id : query.runs) {
    SLUICE_TRY(points, api.experiments.store().chart(by.workspace, id, query.key, query.steps, query.limit));
    for (const auto& point : points) {
      auto one = list.object();
      write_point(one, query.key, point);
      one.text("run_id", id);
      one.end();
    }
  }
  list.end();
  object.end();
  return json(std::move(body));
}

}  // namespace

void add_metric_routes(const MlflowApi& api, Routes& routes) {
  const auto with = [api](auto work) {
    return
        [api, work](const Fields& fields, const ports::Request& r) { return work(api, fields, r.principal); };
  };
  const auto quick = small_and_quick(api);
  const Routes::More own{
      .is_brief = quick, .admit_task = admit_to_run(api), .begin_missing = begin_run_of_engine(api)};
  routes.add(
      "POST", "/runs/log-metric",
      [api](const Fields& fields, const auto& r) -> Result<ports::Response> {
        SLUICE_TRY(id, fields.run_id());
        SLUICE_TRY(metric, metric_of(fields));
        SLUICE_DO(api.experiments.log_metric(r.principal, id, metric));
        SLUICE_DO(log_to_model(api, fields, id, metric));
        return empty();
      },
      own);
  routes.add(
      "POST", "/runs/log-parameter",
      [api](const Fields& fields, const auto& r) -> Result<ports::Response> {
        SLUICE_TRY(id, fields.run_id());
        SLUICE_TRY(key, fields.needed("key"));
        SLUICE_TRY(value, fields.text("value"));
        SLUICE_DO(api.experiments.log_parameter(r.principal, id, {.key = key, .value = value}));
        return empty();
      },
      own);
  routes.add("POST", "/runs/log-batch", with(log_batch), own);
  routes.add("GET", "/metrics/get-history", with(history));
  routes.add("GET", "/metrics/get-history-bulk-interval", with(charts));
}

}  // namespace sluice::api::mlflow
