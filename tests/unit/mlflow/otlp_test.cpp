#include "sluice/api/mlflow/otlp.hpp"

#include <bit>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "result_assertions.hpp"
#include "sluice/base/json.hpp"

namespace sluice::api::mlflow {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string varint(std::uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7U) out += static_cast<char>((value & 0x7fU) | 0x80U);
  return out + static_cast<char>(value);
}
std::string field(std::uint64_t number, const std::string& bytes) {
  return varint(number << 3U | 2U) + varint(bytes.size()) + bytes;
}
std::string field(std::uint64_t number, std::uint64_t value) { return varint(number << 3U) + varint(value); }
std::string fixed64(std::uint64_t number, std::uint64_t value) {
  auto out = varint(number << 3U | 1U);
  for (int i = 0; i < 8; ++i) out += static_cast<char>(value >> (8 * i) & 0xffU);
  return out;
}
std::string attribute(const std::string& key, const std::string& value) {
  return field(1, key) + field(2, value);
}
std::string ids() { return field(1, std::string(16, '\x0a')) + field(2, std::string(8, '\x0b')); }
/// A request of one span with these fields.
std::string request(const std::string& span) { return field(1, field(2, field(2, span))); }
std::string nested(int depth) {
  std::string value = field(1, std::string("end"));
  for (int i = 0; i < depth; ++i) value = field(5, field(1, value));
  return value;
}

tracking::NewSpan only(const std::string& bytes) {
  const auto spans = test::value_of(read_otlp(bytes));
  EXPECT_EQ(spans.size(), 1U);
  return spans.at(0);
}

std::string failure_of(const std::string& bytes, const OtlpLimits& limits = {}) {
  const auto read = read_otlp(bytes, limits);
  return read ? "no failure" : read.error().message;
}

TEST(Otlp, ReadsEveryFieldOfASpan) {
  const auto status = field(2, std::string("went wrong")) + field(3, 2);
  const auto event = fixed64(1, 7) + field(2, std::string("looked")) +
                     field(3, attribute("where", field(1, std::string("here"))));
  const auto link = field(1, std::string(16, '\x01')) + field(2, std::string(8, '\x02'));
  const auto span = only(field(
      1, field(1, field(1, attribute("service.name", field(1, std::string("shop"))))) +
             field(2, field(2, ids() + field(4, std::string(8, '\x0c')) + field(5, std::string("work")) +
                                   fixed64(7, 5) + fixed64(8, 9) + field(11, event) + field(13, link) +
                                   field(15, status) + field(6, 1) + field(100, std::string("new"))))));
  EXPECT_EQ(span.trace, "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a");
  EXPECT_EQ(span.id, "0b0b0b0b0b0b0b0b");
  EXPECT_EQ(span.parent, "0c0c0c0c0c0c0c0c");
  EXPECT_EQ(span.name, "work");
  EXPECT_EQ(span.started_ns, 5);
  EXPECT_EQ(span.ended_ns, 9);
  EXPECT_EQ(span.status, tracking::NewSpan::Status::error);
  EXPECT_EQ(span.message, "went wrong");
  ASSERT_EQ(span.events.size(), 1U);
  EXPECT_EQ(span.events[0].name, "looked");
  EXPECT_EQ(span.events[0].at_ns, 7);
  EXPECT_EQ(to_json(Value(span.events[0].attributes)), R"({"where":"here"})");
  ASSERT_EQ(span.links.size(), 1U);
  EXPECT_EQ(span.links[0].span, "0202020202020202");
  ASSERT_TRUE(span.resource);
  EXPECT_EQ(to_json(Value(*span.resource)), R"({"service.name":"shop"})");
}

TEST(Otlp, ReadsEveryKindOfValue) {
  const auto with = [](const std::string& value) {
    return to_json(*only(request(ids() + field(9, attribute("k", value)))).attributes.find("k"));
  };
  EXPECT_EQ(with(field(1, std::string("ü\"\n"))), "\"ü\\\"\\n\"");
  EXPECT_EQ(with(field(2, 1)), "true");
  EXPECT_EQ(with(field(3, static_cast<std::uint64_t>(-5))), "-5");
  EXPECT_EQ(with(fixed64(4, std::bit_cast<std::uint64_t>(1.5))), "1.5");
  EXPECT_EQ(with(fixed64(4, std::bit_cast<std::uint64_t>(std::numeric_limits<double>::quiet_NaN()))),
            "\"NaN\"");
  EXPECT_EQ(with(fixed64(4, std::bit_cast<std::uint64_t>(-std::numeric_limits<double>::infinity()))),
            "\"-Infinity\"");
  EXPECT_EQ(with(field(5, field(1, field(3, 1)) + field(1, std::string()))), "[1,null]");
  EXPECT_EQ(with(field(6, field(1, attribute("a", field(3, 1))) + field(1, attribute("a", field(3, 2))))),
            R"({"a":2})");
  EXPECT_EQ(with(field(7, std::string("\x00\xff", 2))), "\"AP8=\"");
  EXPECT_EQ(with(""), "null");
}

TEST(Otlp, OfAKeyThatIsThereTwiceTheLastValueCounts) {
  const auto span =
      only(request(ids() + field(9, attribute("k", field(3, 1))) + field(9, attribute("other", field(3, 2))) +
                   field(9, attribute("k", field(3, 3)))));
  EXPECT_EQ(to_json(Value(span.attributes)), R"({"k":3,"other":2})");
}

TEST(Otlp, RefusesWhatIsNoMessage) {
  const auto good = request(ids());
  EXPECT_EQ(failure_of(""), "Invalid OpenTelemetry format - no spans found");
  EXPECT_EQ(failure_of(good.substr(0, good.size() - 1)),
            "Invalid OpenTelemetry format: a field is longer than the message");
  EXPECT_EQ(failure_of("\x0b"), "Invalid OpenTelemetry format: a field has an unknown type");
  EXPECT_EQ(failure_of(std::string(1, '\0')), "Invalid OpenTelemetry format: a field has no valid number");
  EXPECT_EQ(failure_of(std::string(11, '\xff')), "Invalid OpenTelemetry format: a number does not end");
  EXPECT_EQ(failure_of(field(1, 5)), "Invalid OpenTelemetry format: field 1 has another type");
  EXPECT_EQ(failure_of(request(field(2, std::string(8, 'x')))),
            "Invalid OpenTelemetry format: a trace_id has 1 to 16 bytes, not 0");
  EXPECT_EQ(failure_of(request(field(1, std::string(17, 'x')))),
            "Invalid OpenTelemetry format: a trace_id has 1 to 16 bytes, not 17");
  EXPECT_EQ(failure_of(request(ids() + field(5, std::string("\xff")))),
            "Invalid OpenTelemetry format: a text is not UTF-8");
  EXPECT_EQ(failure_of(request(ids() + fixed64(7, UINT64_MAX))),
            "Invalid OpenTelemetry format: a time is too late");
}

TEST(Otlp, EveryPartOfAMessageIsAnError) {
  const auto whole =
      request(ids() + field(9, attribute("k", field(6, field(1, attribute("a", field(3, 1)))))));
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(read_otlp(whole.substr(0, size))) << size;
  EXPECT_TRUE(read_otlp(whole));
}

TEST(Otlp, HasLimits) {
  EXPECT_EQ(failure_of(request(ids() + field(9, attribute("k", nested(50))))), "no failure");
  EXPECT_EQ(failure_of(request(ids() + field(9, attribute("k", nested(51))))),
            "Invalid OpenTelemetry format: a value is nested too deeply");
  EXPECT_EQ(failure_of(request(ids()) + request(ids()), {.spans_max = 1}),
            "the request has too many spans; send fewer at once");
  EXPECT_EQ(failure_of(request(ids() + field(9, attribute("k", nested(3)))), {.values_max = 3}),
            "the request has too many values; send fewer at once");
  EXPECT_EQ(read_otlp(request(ids()) + request(ids()), {.spans_max = 1}).error().code, Code::too_large);
}

TEST(Otlp, ReadsJson) {
  const auto spans = test::value_of(read_otlp_json(R"({"resourceSpans": [{"scopeSpans": [{"spans": [{
    "traceId": "0A0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a", "spanId": "0b0b0b0b0b0b0b0b", "name": "work",
    "startTimeUnixNano": "5", "endTimeUnixNano": 9, "status": {"code": 1},
    "attributes": [{"key": "a", "value": {"intValue": "-5"}}, {"key": "b", "value": {"kvlistValue":
      {"values": [{"key": "c", "value": {"arrayValue": {"values": [{"boolValue": false}, {}]}}}]}}}]}]}]}]})"));
  ASSERT_EQ(spans.size(), 1U);
  EXPECT_EQ(spans[0].trace, "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a");
  EXPECT_EQ(spans[0].status, tracking::NewSpan::Status::ok);
  EXPECT_EQ(spans[0].started_ns, 5);
  EXPECT_EQ(to_json(Value(spans[0].attributes)), R"({"a":-5,"b":{"c":[false,null]}})");
  for (const char* wrong :
       {"[]", "{}", R"({"resourceSpans": []})", R"({"resourceSpans": 5})",
        R"({"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "0a", "spanId": "zz"}]}]}]})",
        R"({"resourceSpans": [{"scopeSpans": [{"spans": [5]}]}]})",
        R"({"resourceSpans": [{"scopeSpans": 5}]})"})
    EXPECT_FALSE(read_otlp_json(wrong)) << wrong;
}

}  // namespace
}  // namespace sluice::api::mlflow
