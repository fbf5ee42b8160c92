#include "sluice/domain/tracking/spans.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "result_assertions.hpp"
#include "sluice/base/json.hpp"

namespace sluice::tracking {
namespace {

constexpr std::int64_t ms = 1'000'000;

NewSpan span(int id, int parent, Struct attributes = {}) {
  const auto digits = [](int number) { return std::string(15, '0') + std::to_string(number); };
  return {.trace = std::string(32, 'a'),
          .id = digits(id),
          .parent = parent == 0 ? "" : digits(parent),
          .name = "span",
          .started_ns = 1000 * ms + id,
          .ended_ns = 1005 * ms,
          .attributes = std::move(attributes)};
}

Struct with(std::string key, Value value) {
  Struct attributes;
  attributes.append(std::move(key), std::move(value));
  return attributes;
}

Struct usage(std::int64_t input, std::int64_t output) {
  Struct tokens;
  tokens.append("input_tokens", Value(input));
  tokens.append("output_tokens", Value(output));
  tokens.append("total_tokens", Value(input + output));
  return with("mlflow.chat.tokenUsage", Value(tokens));
}

std::string metadata_of(const ports::TraceSpans& logged, std::string_view key) {
  for (const auto& pair : logged.sum(logged.spans))
    if (pair.key == key) return pair.value;
  return "";
}

std::string attribute_of(const ports::TraceSpan& stored, std::string_view key) {
  const auto content = test::value_of(parse_json(stored.content));
  const auto* attributes = content.find("attributes");
  return attributes == nullptr ? "" : attributes->text_at(key);
}

TEST(Spans, SayWhenTheirTraceWas) {
  auto late = span(2, 1);
  late.ended_ns = 1020 * ms;
  const auto traces = by_trace({late, span(1, 0)});
  ASSERT_EQ(traces.size(), 1U);
  EXPECT_EQ(traces[0].trace.id, "tr-" + std::string(32, 'a'));
  EXPECT_EQ(traces[0].trace.at_ms, 1000);
  EXPECT_EQ(traces[0].trace.duration_ms, 20);
  EXPECT_EQ(traces[0].trace.state, ports::TraceState::ok);
  EXPECT_EQ(traces[0].spans.size(), 2U);
}

TEST(Spans, OfATraceWithoutItsRootSayThatItGoesOn) {
  EXPECT_EQ(by_trace({span(2, 1)})[0].trace.state, ports::TraceState::in_progress);
  auto failed = span(1, 0);
  failed.status = NewSpan::Status::error;
  EXPECT_EQ(by_trace({failed})[0].trace.state, ports::TraceState::error);
}

TEST(Spans, AreStoredAsMlflowHasThem) {
  auto one = span(1, 0, with("n", Value(5)));
  one.message = "m";
  EXPECT_EQ(
      by_trace({one})[0].spans[0].content,
      R"({"trace_id": "qqqqqqqqqqqqqqqqqqqqqg==", "span_id": "AAAAAAAAAAE=", "parent_span_id": null, )"
      R"("name": "span", "start_time_unix_nano": 1000000001, "end_time_unix_nano": 1005000000, )"
      R"("events": [], "status": {"code": "STATUS_CODE_UNSET", "message": "m"}, "attributes": )"
      R"({"n": "5", "mlflow.traceRequestId": "\"tr-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\""}, "links": []})");
}

TEST(Spans, TextsThatAreJsonAreKeptByMlflowsClientAndUnwrappedOfOthers) {
  const auto text = R"({"a": 1})";
  EXPECT_EQ(attribute_of(by_trace({span(1, 0, with("k", Value(text)))})[0].spans[0], "k"), text);
  auto attributes = with("mlflow.traceRequestId", Value("tr-x"));
  attributes.append("k", Value(text));
  EXPECT_EQ(attribute_of(by_trace({span(1, 0, attributes)})[0].spans[0], "k"), R"("{\"a\": 1}")");
  EXPECT_EQ(attribute_of(by_trace({span(1, 0, with("k", Value("5")))})[0].spans[0], "k"), "\"5\"");
  EXPECT_EQ(attribute_of(by_trace({span(1, 0, with("k", Value("{no json")))})[0].spans[0], "k"),
            "\"{no json\"");
}

TEST(Spans, WhatASpanUsedHasWhatItsDescendantsUsed) {
  const auto traces = by_trace({span(1, 0), span(2, 1, usage(10, 5)), span(3, 2, usage(4, 1)),
                                span(4, 3, usage(1, 1)), span(5, 1, usage(2, 2))});
  EXPECT_EQ(metadata_of(traces[0], "mlflow.trace.tokenUsage"),
            R"({"input_tokens": 12, "output_tokens": 7, "total_tokens": 19})");
  EXPECT_EQ(metadata_of(by_trace({span(1, 0)})[0], "mlflow.trace.tokenUsage"), "");
}

TEST(Spans, InACircleAreCountedOnceAtMost) {
  const auto traces = by_trace({span(1, 2, usage(1, 1)), span(2, 1), span(3, 3, usage(2, 2))});
  EXPECT_NE(metadata_of(traces[0], "mlflow.trace.tokenUsage"), "nothing");
}

TEST(Spans, ALongChainOfSpansIsSummedAtOnce) {
  std::vector<NewSpan> spans;
  constexpr int length = 5'000;
  for (int i = 1; i <= length; ++i) spans.push_back(span(i, i - 1));
  for (int i = 1; i <= length; ++i) spans.push_back(span(length + i, length, usage(1, 1)));
  EXPECT_EQ(metadata_of(by_trace(spans)[0], "mlflow.trace.tokenUsage"),
            R"({"input_tokens": 5000, "output_tokens": 5000, "total_tokens": 10000})");
}

TEST(Spans, OfOtherExportersAreTranslated) {
  Struct attributes;
  attributes.append("gen_ai.usage.input_tokens", Value(3));
  attributes.append("gen_ai.usage.output_tokens", Value(4));
  attributes.append("gen_ai.request.model", Value("small"));
  attributes.append("input.value", Value("why"));
  attributes.append("user.id", Value("ann"));
  attributes.append("session.id", Value("s1"));
  attributes.append("mlflow.traceTag.stage", Value("test"));
  auto one = span(1, 0, attributes);
  one.resource = std::make_shared<Struct>(with("service.name", Value("shop")));
  const auto logged = by_trace({one})[0];
  EXPECT_EQ(metadata_of(logged, "mlflow.trace.tokenUsage"),
            R"({"input_tokens": 3, "output_tokens": 4, "total_tokens": 7})");
  EXPECT_EQ(logged.spans[0].model, "small");
  EXPECT_EQ(logged.trace.request_preview, "\"why\"");
  const std::vector<ports::KeyValue> tags{{.key = "service.name", .value = "shop"},
                                          {.key = "stage", .value = "test"}};
  EXPECT_EQ(logged.trace.tags, tags);
  const std::vector<ports::KeyValue> metadata{{.key = "mlflow.trace.session", .value = "s1"},
                                              {.key = "mlflow.trace.user", .value = "ann"}};
  EXPECT_EQ(logged.trace.metadata, metadata);
}

TEST(Spans, PreviewsAreCutBetweenCharacters) {
  std::string text;
  for (int i = 0; i < 2000; ++i) text += "ü";
  const auto preview =
      by_trace({span(1, 0, with("mlflow.spanInputs", Value(text)))})[0].trace.request_preview;
  ASSERT_TRUE(preview);
  EXPECT_TRUE(preview->ends_with("ü..."));
  EXPECT_EQ(preview->size(), 1 + 996 * 2 + 3);
}

}  // namespace
}  // namespace sluice::tracking
