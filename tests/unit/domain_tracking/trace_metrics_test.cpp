#include "sluice/domain/tracking/trace_metrics.hpp"

#include <gtest/gtest.h>

#include "result_assertions.hpp"

namespace sluice::tracking {
namespace {

using View = ports::TraceMetricQuery::View;
using Aggregation = ports::TraceMetricQuery::Aggregation;

std::string failure_of(const ports::TraceMetricQuery& query) {
  const auto checked = check_trace_metrics(query);
  return checked ? "" : checked.error().message;
}

TEST(TraceMetrics, ChecksWhatAViewHas) {
  EXPECT_EQ(failure_of({.metric = "trace_count", .wanted = {{}}, .dimensions = {"trace_status"}}), "");
  EXPECT_EQ(failure_of({.metric = "bogus", .wanted = {{}}}),
            "metric_name must be one of ['trace_count', 'session_count', 'latency', 'input_tokens', "
            "'output_tokens', 'total_tokens', 'cache_read_input_tokens', 'cache_creation_input_tokens'], got "
            "'bogus'");
  EXPECT_EQ(failure_of({.metric = "trace_count", .wanted = {{.aggregation = Aggregation::sum}}}),
            "Found invalid aggregation_type(s): ['SUM']. Supported aggregation types: ['COUNT']");
  EXPECT_EQ(failure_of({.metric = "trace_count", .wanted = {{}}, .dimensions = {"bogus"}}),
            "Found invalid dimension(s): ['bogus']. Supported dimensions: ['trace_name', 'trace_status']");
  EXPECT_EQ(failure_of({.metric = "latency",
                        .wanted = {{.aggregation = Aggregation::percentile, .percentile = 101}}}),
            "Percentile value must be between 0 and 100, got 101");
  EXPECT_EQ(failure_of({.metric = "trace_count", .wanted = {{}}, .bucket_ms = 5}),
            "start_time_ms and end_time_ms are required if time_interval_seconds is set");
}

TEST(TraceMetrics, ReadsFilters) {
  const auto read = test::value_of(parse_metric_filter("trace.metadata.`a.b c` = \"x\"", View::traces));
  EXPECT_EQ(read.field, ports::SearchField::metadata);
  EXPECT_EQ(read.key, "a.b c");
  EXPECT_EQ(std::get<std::string>(read.operand), "x");
  EXPECT_EQ(test::value_of(parse_metric_filter("span.type = 'LLM'", View::spans)).key, "type");
  EXPECT_EQ(test::value_of(parse_metric_filter("assessment.type = 'feedback'", View::assessments)).key,
            "kind");
  for (const char* wrong : {"", "bogus", "trace.bogus = 'x'", "trace.tag = 'x'", "trace.status.x = 'x'",
                            "trace.status != 'x'", "trace.status = 5", "bogus.x = 'y'", "span.name = 'x'",
                            "trace.status = 'x' AND trace.status = 'y'", "trace.status = 'x\xff'"})
    EXPECT_FALSE(parse_metric_filter(wrong, View::traces)) << wrong;
}

}  // namespace
}  // namespace sluice::tracking
