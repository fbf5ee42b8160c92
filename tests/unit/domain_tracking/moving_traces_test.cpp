// What other programs write of traces.
#include "sluice/domain/tracking/moving_traces.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "result_assertions.hpp"
#include "sluice/base/json.hpp"

namespace sluice::tracking {
namespace {

using ports::KeyValue;
using testing::ElementsAre;

Value json(std::string_view text) { return test::value_of(parse_json(text)); }

TEST(MovingTraces, ReadsWhatTheProtocolSays) {
  ports::Trace trace;
  ASSERT_OK(add_written(json(R"({"trace_id": "tr-1", "request_time": "2026-11-30T20:10:16.348Z",
    "execution_duration": "0.201s", "state": "ERROR", "request_preview": "2", "tags": {"b": "1", "a": 2},
    "trace_metadata": {}, "assessments": [
      {"assessment_id": "a-1", "assessment_name": "good", "feedback": {"value": 0.5}, "valid": false,
       "source": {"source_type": "HUMAN", "source_id": "ann"}, "metadata": {"k": "v"}, "rationale": "",
       "create_time": "2026-11-30T20:10:17Z"},
      {"assessment_id": "a-2", "expectation": {"serialized_value": {"value": "{\"k\":[1]}"}}},
      {"assessment_id": "a-3", "feedback": {"value": null, "error": {"error_code": "E"}}}]})"),
                        trace));
  EXPECT_EQ(trace.id, "tr-1");
  EXPECT_EQ(trace.at_ms, 1796069416348);
  EXPECT_EQ(trace.duration_ms, 201);
  EXPECT_EQ(trace.state, ports::TraceState::error);
  EXPECT_EQ(trace.request_preview, "2");
  EXPECT_EQ(trace.response_preview, std::nullopt);
  EXPECT_THAT(trace.tags,
              ElementsAre(KeyValue{.key = "a", .value = "2"}, KeyValue{.key = "b", .value = "1"}));
  ASSERT_EQ(trace.assessments.size(), 3U);
  EXPECT_EQ(trace.assessments[0].value, "0.5");
  EXPECT_FALSE(trace.assessments[0].valid);
  EXPECT_EQ(trace.assessments[0].rationale, "");
  EXPECT_EQ(trace.assessments[0].source_id, "ann");
  EXPECT_EQ(trace.assessments[1].kind, ports::AssessmentKind::expectation);
  EXPECT_EQ(trace.assessments[1].value, "{\"k\": [1]}");
  EXPECT_EQ(trace.assessments[2].error, "{\"error_code\": \"E\"}");
}

TEST(MovingTraces, ReadsSpansByTheirContents) {
  const std::string content = R"({"span_id": "A+o+o5iwtZU=", "parent_span_id": "/2YeCzSniJQ=", "name": "n",
    "start_time_unix_nano": 5, "end_time_unix_nano": 7, "status": {"code": "STATUS_CODE_OK"},
    "attributes": {"mlflow.spanType": "\"LLM\"", "mlflow.chat.tokenUsage": "{\"input_tokens\":3}",
                   "mlflow.llm.cost": "7", "mlflow.llm.model": "[1]"}})";
  const auto span = span_in(content);
  ASSERT_OK(span);
  EXPECT_EQ(span->id, "03ea3ea398b0b595");
  EXPECT_EQ(span->parent, "ff661e0b34a78894");
  EXPECT_EQ(span->type, "LLM");
  EXPECT_EQ(span->status, "OK");
  EXPECT_EQ(span->usage, "{\"input_tokens\": 3}");
  EXPECT_EQ(span->cost, "") << "a number is none";
  EXPECT_EQ(span->model, "");
  EXPECT_EQ(span->content, content) << "as it is";
}

TEST(MovingTraces, RefusesWhatIsNone) {
  ports::Trace trace;
  for (const auto* written :
       {"[]", "7", R"({"request_time": "yesterday"})", R"({"execution_duration": "1e9h"})",
        R"({"assessments": [{"assessment_id": "a"}]})",
        R"({"assessments": [{"expectation": {"serialized_value": {"value": "{"}}}]})"})
    EXPECT_FALSE(add_written(json(written), trace)) << written;
  for (const auto* content : {"", "[]", "{", R"({"name": "no id"})", R"({"span_id": ""})"})
    EXPECT_FALSE(span_in(content)) << content;
  for (const auto* file : {"", "[]", "{}", R"({"spans": {}})", R"({"spans": [)"})
    EXPECT_FALSE(spans_in_file(file)) << file;
  EXPECT_TRUE(test::value_of(spans_in_file(R"({"spans": []})")).empty());
  EXPECT_OK(span_in(R"({"span_id": "0x12", "attributes": [], "status": 3, "start_time_unix_nano": "x"})"));
}

}  // namespace
}  // namespace sluice::tracking
