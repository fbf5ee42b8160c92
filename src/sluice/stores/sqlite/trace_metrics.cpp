// Numbers about many traces.
#include <algorithm>
#include <cmath>

#include "sluice/stores/sqlite/ledger_file.hpp"
#include "sluice/stores/sqlite/sqlite_traces.hpp"
#include "sluice/stores/sqlite/trace_queries.hpp"

namespace sluice::stores {

using sqlite::Connection;
using sqlite::SqlText;
using sqlite::Statement;

namespace {

using ports::SearchCondition;
using ports::SearchField;
using ports::TraceMetricPoint;
using ports::TraceMetricQuery;
using View = TraceMetricQuery::View;
using Aggregation = TraceMetricQuery::Aggregation;

/// A number in a JSON text, or null. Both are literals.
std::string number_in(const std::string& text, const std::string& path) {
  return "CASE WHEN json_valid(" + text + ") AND json_type(" + text + ", '" + path +
         "') IN ('integer', 'real') THEN json_extract(" + text + ", '" + path + "') END";
}

constexpr std::string_view assessed =
    "CASE json_type(a.value) WHEN 'true' THEN 1.0 WHEN 'false' THEN 0.0 WHEN 'text' THEN CASE "
    "lower(trim(json_extract(a.value, '$'))) WHEN 'yes' THEN 1.0 WHEN 'no' THEN 0.0 END WHEN 'integer' THEN "
    "json_extract(a.value, '$') WHEN 'real' THEN json_extract(a.value, '$') END";

/// What is added up. Names of metrics are known ones (domain/tracking/trace_metrics.hpp).
std::string value_of(const TraceMetricQuery& query) {
  if (query.metric == "latency")
    return query.view == View::spans
               ? "CASE WHEN s.ended_ns >= s.started_ns THEN (s.ended_ns - s.started_ns) / 1000000 END"
               : "t.duration_ms";
  if (query.metric == "session_count")
    return "(SELECT m.value FROM trace_metadata m WHERE m.trace = t.number AND m.key = "
           "'mlflow.trace.session')";
  if (query.metric == "assessment_value") return std::string(assessed);
  if (query.metric.ends_with("_count")) return "1";
  if (query.metric.ends_with("_cost")) return number_in("s.cost", "$." + query.metric);
  return "(SELECT " + number_in("m.value", "$." + query.metric) +
         " FROM trace_metadata m WHERE m.trace = t.number AND m.key = 'mlflow.trace.tokenUsage')";
}

std::string_view dimension_of(std::string_view name) {
  if (name == "trace_name")
    return "(SELECT v.value FROM trace_tags v WHERE v.trace = t.number AND v.key = 'mlflow.traceName')";
  if (name == "trace_status") return "t.state";
  if (name == "span_name") return "s.name";
  if (name == "span_type") return "s.type";
  if (name == "span_status") return "s.status";
  if (name == "span_model_name") return "nullif(s.model, '')";
  if (name == "span_model_provider") return "nullif(s.provider, '')";
  if (name == "assessment_name") return "a.name";
  return "a.value";
}

std::string_view function_of(Aggregation aggregation) {
  switch (aggregation) {
    case Aggregation::count: return "count";
    case Aggregation::sum: return "sum";
    case Aggregation::average: return "avg";
    case Aggregation::least: return "min";
    case Aggregation::greatest: return "max";
    case Aggregation::percentile: break;
  }
  return "count";
}

/// "FROM … WHERE …"
SqlText rows_of(const std::string& workspace, const std::vector<std::int64_t>& experiments,
                const TraceMetricQuery& query) {
  SqlText sql;
  sql.add(" FROM traces t");
  if (query.view == View::spans) sql.add(" JOIN trace_spans s ON s.trace = t.number");
  if (query.view == View::assessments)
    sql.add(" JOIN trace_assessments a ON a.trace = t.number AND a.valid = 1");
  sql.add(" WHERE ");
  std::vector<SearchCondition> of_traces;
  std::ranges::copy_if(query.conditions, std::back_inserter(of_traces), [](const auto& condition) {
    return condition.field != SearchField::span && condition.field != SearchField::feedback;
  });
  sqlite::add_fitting_traces(sql, workspace, experiments, of_traces);
  for (const auto& condition : query.conditions) {
    if (condition.field == SearchField::span) sql.add(" AND ").compare("s." + condition.key, condition);
    if (condition.field == SearchField::feedback) sql.add(" AND ").compare("a." + condition.key, condition);
  }
  constexpr std::int64_t nanoseconds = 1'000'000;
  const bool of_spans = query.view == View::spans;
  const std::string_view time = of_spans ? "s.started_ns" : "t.at_ms";
  const auto limit = [&](std::string_view comparator, std::int64_t ms, std::int64_t more) {
    const bool fits = !of_spans || (ms < INT64_MAX / nanoseconds && ms > INT64_MIN / nanoseconds);
    if (fits) sql.add(" AND ").add(time).add(comparator).value(of_spans ? ms * nanoseconds + more : ms);
  };
  if (query.first_ms) limit(" >= ", *query.first_ms, 0);
  if (query.last_ms) limit(" <= ", *query.last_ms, nanoseconds - 1);
  return sql;
}

/// The columns of the dimensions; the first one is that of the bucket, if there is one.
SqlText columns_of(const TraceMetricQuery& query) {
  SqlText sql;
  if (query.bucket_ms) {
    sql.add(query.view == View::spans ? "s.started_ns / 1000000 / " : "t.at_ms / ").value(*query.bucket_ms);
    sql.add(" * ").value(*query.bucket_ms).add(", ");
  }
  for (const auto& dimension : query.dimensions) sql.add(dimension_of(dimension)).add(", ");
  return sql;
}

std::string numbers_to(std::size_t count) {
  std::string text;
  for (std::size_t i = 1; i <= count; ++i) text += (i == 1 ? "" : ", ") + std::to_string(i);
  return text;
}

TraceMetricPoint point_of(const Statement& row, const TraceMetricQuery& query) {
  TraceMetricPoint point;
  int column = 0;
  if (query.bucket_ms) point.bucket_ms = row.integer(column++);
  for (std::size_t i = 0; i < query.dimensions.size(); ++i, ++column)
    point.dimensions.push_back(row.is_null(column) ? std::nullopt : std::optional(row.text(column)));
  return point;
}

bool is_shown(const TraceMetricPoint& point) {
  return std::ranges::all_of(point.dimensions, [](const auto& one) { return one.has_value(); }) &&
         std::ranges::any_of(point.values, [](const auto& one) { return one.has_value(); });
}

/// By linear interpolation. `sorted` is not empty.
double percentile_of(const std::vector<double>& sorted, double percentile) {
  const double place = percentile / 100 * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(std::clamp(place, 0.0, static_cast<double>(sorted.size() - 1)));
  const auto above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

std::optional<double> aggregate(const std::vector<double>& sorted, const TraceMetricQuery::Wanted& wanted) {
  if (wanted.aggregation == Aggregation::count) return static_cast<double>(sorted.size());
  if (sorted.empty()) return std::nullopt;
  double sum = 0;
  for (const auto value : sorted) sum += value;
  switch (wanted.aggregation) {
    case Aggregation::sum: return sum;
    case Aggregation::average: return sum / static_cast<double>(sorted.size());
    case Aggregation::least: return sorted.front();
    case Aggregation::greatest: return sorted.back();
    default: return percentile_of(sorted, wanted.percentile);
  }
}

Result<std::vector<TraceMetricPoint>> summed_by_database(Connection& connection, const SqlText& rows,
                                                         const TraceMetricQuery& query) {
  const auto groups = query.dimensions.size() + (query.bucket_ms ? 1 : 0);
  const std::string_view distinct = query.metric == "session_count" ? "DISTINCT " : "";
  SqlText sql;
  sql.add("SELECT ").add(columns_of(query));
  for (std::size_t i = 0; i < query.wanted.size(); ++i)
    sql.add(i == 0 ? "" : ", ")
        .add(function_of(query.wanted[i].aggregation))
        .add("(")
        .add(distinct)
        .add(value_of(query))
        .add(")");
  sql.add(rows);
  if (groups > 0) sql.add(" GROUP BY " + numbers_to(groups) + " ORDER BY " + numbers_to(groups));
  SLUICE_TRY(select, sql.prepare(connection));
  std::vector<TraceMetricPoint> points;
  while (points.size() < query.limit) {
    SLUICE_TRY(has_row, select.step());
    if (!has_row) break;
    auto point = point_of(select, query);
    for (std::size_t i = 0; i < query.wanted.size(); ++i) {
      const auto column = static_cast<int>(groups + i);
      point.values.push_back(select.is_null(column) ? std::nullopt : std::optional(select.real(column)));
    }
    if (is_shown(point)) points.push_back(std::move(point));
  }
  return points;
}

/// With percentiles: each value is looked at.
Result<std::vector<TraceMetricPoint>> summed_here(Connection& connection, const SqlText& rows,
                                                  const TraceMetricQuery& query) {
  const auto groups = query.dimensions.size() + (query.bucket_ms ? 1 : 0);
  SqlText sql;
  sql.add("SELECT ").add(columns_of(query)).add(value_of(query)).add(rows);
  sql.add(" ORDER BY " + numbers_to(groups + 1));
  SLUICE_TRY(select, sql.prepare(connection));
  std::vector<TraceMetricPoint> points;
  TraceMetricPoint group;
  std::vector<double> values;
  const auto end_group = [&] {
    for (const auto& wanted : query.wanted) group.values.push_back(aggregate(values, wanted));
    if (!values.empty() && is_shown(group)) points.push_back(std::move(group));
    values.clear();
  };
  bool is_first = true;
  while (points.size() < query.limit) {
    SLUICE_TRY(has_row, select.step());
    if (!has_row) {
      if (!is_first) end_group();
      break;
    }
    auto point = point_of(select, query);
    if (!is_first && (point.bucket_ms != group.bucket_ms || point.dimensions != group.dimensions)) {
      end_group();
      group = std::move(point);
    } else if (is_first) {
      group = std::move(point);
    }
    is_first = false;
    const auto column = static_cast<int>(groups);
    if (!select.is_null(column)) values.push_back(select.real(column));
  }
  return points;
}

}  // namespace

Result<std::vector<TraceMetricPoint>> SqliteTraces::metrics(const std::string& workspace,
                                                            const std::vector<std::int64_t>& experiments,
                                                            const TraceMetricQuery& query) const {
  const auto rows = rows_of(workspace, experiments, query);
  const bool has_percentile = std::ranges::any_of(
      query.wanted, [](const auto& wanted) { return wanted.aggregation == Aggregation::percentile; });
  return file_->read([&](Connection& connection) {
    return has_percentile ? summed_here(connection, rows, query)
                          : summed_by_database(connection, rows, query);
  });
}

}  // namespace sluice::stores
