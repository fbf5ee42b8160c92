// Numbers about traces, for the interface's overview.
#include "sluice/domain/tracking/trace_metrics.hpp"

#include <array>

#include <fmt/format.h>

#include "sluice/api/mlflow/responses.hpp"
#include "sluice/api/mlflow/searches.hpp"
#include "sluice/base/json.hpp"

namespace sluice::api::mlflow {
namespace {

using View = ports::TraceMetricQuery::View;
using Aggregation = ports::TraceMetricQuery::Aggregation;

Fail refusal(std::string message) { return Fail(user_error(Code::invalid_argument, std::move(message))); }

Result<View> view_of(const Fields& fields) {
  SLUICE_TRY(name, fields.needed("view_type"));
  if (name == "TRACES") return View::traces;
  if (name == "SPANS") return View::spans;
  if (name == "ASSESSMENTS") return View::assessments;
  return refusal(fmt::format("view_type must be one of ['TRACES', 'SPANS', 'ASSESSMENTS'], got '{}'",
                             tracking::shown(name)));
}

Result<ports::TraceMetricQuery::Wanted> wanted_of(const Fields& fields) {
  SLUICE_TRY(name, fields.needed("aggregation_type"));
  SLUICE_TRY(percentile, fields.number("percentile_value"));
  for (const auto aggregation : {Aggregation::count, Aggregation::sum, Aggregation::average,
                                 Aggregation::least, Aggregation::greatest, Aggregation::percentile}) {
    if (tracking::name_of(aggregation) != name) continue;
    if (aggregation == Aggregation::percentile && !percentile)
      return refusal("Percentile value is required for PERCENTILE aggregation");
    if (aggregation != Aggregation::percentile && percentile)
      return refusal("Percentile value is only allowed for PERCENTILE aggregation type, got " + name);
    return ports::TraceMetricQuery::Wanted{.aggregation = aggregation, .percentile = percentile.value_or(0)};
  }
  return refusal(fmt::format("Unsupported aggregation type: {}", tracking::shown(name)));
}

Result<ports::TraceMetricQuery> query_of(const Fields& fields) {
  ports::TraceMetricQuery query;
  SLUICE_TRY(view, view_of(fields));
  query.view = view;
  SLUICE_TRY(metric, fields.needed("metric_name"));
  query.metric = std::move(metric);
  SLUICE_TRY(aggregations, fields.objects("aggregations"));
  if (aggregations.empty()) return Fail(missing_parameter("aggregations"));
  for (const auto& aggregation : aggregations) {
    SLUICE_TRY(wanted, wanted_of(aggregation));
    query.wanted.push_back(wanted);
  }
  SLUICE_TRY(dimensions, fields.texts("dimensions"));
  query.dimensions = std::move(dimensions);
  SLUICE_TRY(filters, fields.texts("filters"));
  constexpr std::size_t filters_max = 50;
  if (filters.size() > filters_max)
    return refusal(fmt::format("at most {} filters can be given at once", filters_max));
  for (const auto& filter : filters) {
    SLUICE_TRY(condition, tracking::parse_metric_filter(filter, query.view));
    query.conditions.push_back(std::move(condition));
  }
  SLUICE_TRY(seconds, fields.integer("time_interval_seconds"));
  constexpr std::int64_t seconds_max = 1'000'000'000;
  if (seconds && (*seconds < 0 || *seconds > seconds_max))
    return refusal(fmt::format("time_interval_seconds is at most {}, got {}", seconds_max, *seconds));
  constexpr std::int64_t milliseconds = 1000;
  if (seconds && *seconds > 0) query.bucket_ms = *seconds * milliseconds;
  SLUICE_TRY(first, fields.integer("start_time_ms"));
  query.first_ms = first;
  SLUICE_TRY(last, fields.integer("end_time_ms"));
  query.last_ms = last;
  SLUICE_TRY(limit, fields.integer("max_results"));
  constexpr std::int64_t limit_max = 10'000;
  if (limit && (*limit <= 0 || *limit > limit_max))
    return refusal(fmt::format("max_results is 1 to {}, got {}", limit_max, *limit));
  query.limit = static_cast<std::size_t>(limit.value_or(static_cast<std::int64_t>(query.limit)));
  SLUICE_DO(tracking::check_trace_metrics(query));
  return query;
}

/// "2026-11-29T00:00:00+00:00"
std::string bucket_text(std::int64_t ms) {
  auto text = to_iso8601(Time(Milliseconds(ms)));
  text.resize(text.rfind('.'));
  return text + "+00:00";
}

std::string value_name(const ports::TraceMetricQuery::Wanted& wanted) {
  // "P50.0", "P99.9"
  return wanted.aggregation == Aggregation::percentile ? "P" + to_json(Value(wanted.percentile))
                                                       : std::string(tracking::name_of(wanted.aggregation));
}

}  // namespace

Result<ports::Response> trace_metrics(const MlflowApi& api, const Fields& fields, const Principal& by) {
  SLUICE_TRY(experiments, experiment_ids_of(fields));
  if (experiments.empty()) return Fail(missing_parameter("experiment_ids"));
  SLUICE_TRY(query, query_of(fields));
  SLUICE_TRY(points, api.traces.store().metrics(by.workspace, experiments, query));
  if (points.empty()) return empty();
  std::string body;
  JsonObject object(body);
  auto list = object.list("data_points");
  for (const auto& point : points) {
    auto one = list.object();
    one.text("metric_name", query.metric);
    if (point.bucket_ms || !point.dimensions.empty()) {
      auto dimensions = one.object("dimensions");
      if (point.bucket_ms) dimensions.text("time_bucket", bucket_text(*point.bucket_ms));
      for (std::size_t i = 0; i < point.dimensions.size(); ++i)
        dimensions.text(query.dimensions[i], point.dimensions[i].value_or(""));
      dimensions.end();
    }
    auto values = one.object("values");
    for (std::size_t i = 0; i < point.values.size(); ++i)
      if (point.values[i]) values.number(value_name(query.wanted[i]), *point.values[i]);
    values.end();
    one.end();
  }
  list.end();
  object.end();
  return json(std::move(body));
}

}  // namespace sluice::api::mlflow
