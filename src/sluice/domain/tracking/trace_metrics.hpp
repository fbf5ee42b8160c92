#pragma once
#include <string_view>

#include "sluice/ports/traces.hpp"

namespace sluice::tracking {

/// Checks what a query of numbers asks for: metric, aggregations and dimensions of its view. Errors:
/// Code::invalid_argument, in MLflow's words.
Result<void> check_trace_metrics(const ports::TraceMetricQuery& query);

/// One filter of such a query: "trace.status = 'OK'", "trace.tag.`a b` = 'c'", "span.name = 'd'". Conditions
/// on assessments have the field `feedback`, with the key "name" or "kind".
Result<ports::SearchCondition> parse_metric_filter(std::string_view text, ports::TraceMetricQuery::View view);

std::string_view name_of(ports::TraceMetricQuery::Aggregation aggregation);

}  // namespace sluice::tracking
