#include "sluice/api/mlflow/trace_json.hpp"

#include <gtest/gtest.h>

#include "result_assertions.hpp"
#include "sluice/domain/tracking/spans.hpp"
#include "sluice/domain/tracking/trace_times.hpp"

namespace sluice::api::mlflow {
namespace {

TEST(TraceJson, ReadsAndWritesTimes) {
  const auto ms = [](const std::string& text) { return tracking::timestamp_of(text, "at").value_or(-1); };
  EXPECT_EQ(ms("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(ms("2026-11-29T08:25:41.851Z"), 1795940741851);
  EXPECT_EQ(ms("2026-11-29T08:25:41.8515678Z"), 1795940741851);
  EXPECT_EQ(ms("2026-11-29T10:25:41.8+02:00"), 1795940741800);
  EXPECT_EQ(ms("1969-12-31T23:59:59.5Z"), -500);
  for (const char* wrong :
       {"", "yesterday", "2026-02-30T00:00:00Z", "2026-11-29T24:00:00Z", "2026-11-29T08:25:41",
        "2026-11-29T08:25:41.Z", "2026-11-29T08:25:41Zx", "2026-11-29T08:25:41+99:00"})
    EXPECT_FALSE(tracking::timestamp_of(wrong, "at")) << wrong;
  EXPECT_EQ(timestamp_text(1795940741851), "2026-11-29T08:25:41.851Z");
  EXPECT_EQ(timestamp_text(1795940741000), "2026-11-29T08:25:41Z");
}

TEST(TraceJson, ReadsAndWritesDurations) {
  EXPECT_EQ(tracking::duration_of("0.201s", "d").value_or(-1), 201);
  EXPECT_EQ(tracking::duration_of("5s", "d").value_or(-1), 5000);
  EXPECT_EQ(tracking::duration_of("-1.5s", "d").value_or(-1), -1500);
  for (const char* wrong : {"", "5", "s", "5.s", "1e3s", "99999999999999999999s", "--5s", "9999999999999s"})
    EXPECT_FALSE(tracking::duration_of(wrong, "d")) << wrong;
  EXPECT_EQ(duration_text(201), "0.201s");
  EXPECT_EQ(duration_text(5000), "5s");
  EXPECT_EQ(duration_text(-1500), "-1.500s");
}

TEST(TraceJson, KeysOfClientsAreEscaped) {
  ports::Trace trace{.id = "tr-1", .tags = {{.key = "a\"},\"b", .value = "c"}}};
  std::string body;
  JsonObject object(body);
  write_trace_info(object, trace);
  object.end();
  const auto parsed = test::value_of(parse_json(body));
  const auto* tags = parsed.find("tags");
  ASSERT_NE(tags, nullptr);
  EXPECT_EQ(tags->text_at("a\"},\"b"), "c");
}

TEST(TraceJson, SpansAreWrittenAsOpenTelemetryHasThem) {
  tracking::NewSpan span{
      .trace = std::string(31, '0') + "1", .id = std::string(15, '0') + "2", .name = "work"};
  span.attributes.append("mlflow.traceRequestId", Value("tr-x"));
  span.attributes.append("text", Value("[1]"));
  span.attributes.append("list", Value(List{Value(1), Value(2.5), Value(), Value(true)}));
  span.links.push_back({.trace = std::string(32, '1'), .span = std::string(16, '2'), .attributes = {}});
  const auto logged = tracking::by_trace({span});
  EXPECT_EQ(
      test::value_of(spans_json({logged.at(0).spans.at(0).content})),
      R"([{"trace_id":"AAAAAAAAAAAAAAAAAAAAAQ==","span_id":"AAAAAAAAAAI=","name":"work","start_time_unix_nano":0,)"
      R"("attributes":[{"key":"mlflow.traceRequestId","value":{"string_value":)"
      R"("tr-00000000000000000000000000000001"}},{"key":"text","value":{"string_value":"[1]"}},{"key":"list",)"
      R"("value":{"array_value":{"values":[{"int_value":1},{"double_value":2.5},{},{"bool_value":true}]}}}],)"
      R"("links":[{"trace_id":"EREREREREREREREREREREQ==","span_id":"IiIiIiIiIiI="}],)"
      R"("status":{"code":"STATUS_CODE_UNSET"}}])");
  EXPECT_EQ(spans_json({"nonsense"}).error().code, Code::data_loss);
}

}  // namespace
}  // namespace sluice::api::mlflow
