#include "sluice/api/mlflow/trace_json.hpp"

#include <algorithm>
#include <array>
#include <chrono>

#include <fmt/format.h>

#include "sluice/api/mlflow/responses.hpp"
#include "sluice/base/numbers.hpp"
#include "sluice/base/words.hpp"
#include "sluice/domain/tracking/search_grammar.hpp"
#include "sluice/domain/tracking/spans.hpp"
#include "sluice/domain/tracking/trace_times.hpp"

namespace sluice::api::mlflow {
namespace {

using ports::AssessmentKind;
using ports::TraceState;

constexpr std::int64_t second = 1000;

constexpr auto states = std::to_array<std::pair<TraceState, std::string_view>>({
    {TraceState::unspecified, "STATE_UNSPECIFIED"},
    {TraceState::ok, "OK"},
    {TraceState::error, "ERROR"},
    {TraceState::in_progress, "IN_PROGRESS"},
});

Fail wrong(std::string_view name, std::string_view value, std::string_view form) {
  return Fail(user_error(Code::invalid_argument,
                         fmt::format("Invalid value {} for parameter '{}' supplied: it is written {}",
                                     to_json(Value(tracking::shown(value))), name, form)));
}

/// A name of a field that a client chose.
std::string escaped(const std::string& name) {
  const auto text = to_json(Value(name));
  return text.substr(1, text.size() - 2);
}

void write_map(JsonObject& object, std::string_view name, const std::vector<ports::KeyValue>& pairs) {
  if (pairs.empty()) return;
  auto map = object.object(name);
  for (const auto& pair : pairs) map.text(escaped(pair.key), pair.value);
  map.end();
}

/// As protobuf's Value has numbers: all are doubles.
// NOLINTNEXTLINE(misc-no-recursion): as deep as JSON may be
Value with_doubles(const Value& value) {
  if (const auto* integer = value.if_integer()) return {static_cast<double>(*integer)};
  if (const auto* list = value.if_list()) {
    List out;
    for (const auto& one : *list) out.push_back(with_doubles(one));
    return {std::move(out)};
  }
  if (const auto* object = value.if_struct()) {
    Struct out;
    for (const auto& [key, one] : *object) out.append(key, with_doubles(one));
    return {std::move(out)};
  }
  return value;
}

// NOLINTNEXTLINE(misc-no-recursion): as deep as JSON may be
void write_any(JsonObject& object, const Value& value);

void write_entries(JsonObject& object, std::string_view name, const Struct& entries) {
  if (entries.empty()) return;
  auto list = object.list(name);
  for (const auto& [key, value] : entries) {
    auto one = list.object();
    one.text("key", key);
    auto any = one.object("value");
    write_any(any, value);
    any.end();
    one.end();
  }
  list.end();
}

// NOLINTNEXTLINE(misc-no-recursion): as deep as JSON may be
void write_any(JsonObject& object, const Value& value) {
  if (const auto* text = value.if_string()) {
    object.text("string_value", *text);
  } else if (const auto* flag = value.if_boolean()) {
    object.boolean("bool_value", *flag);
  } else if (const auto* integer = value.if_integer()) {
    object.integer("int_value", *integer);
  } else if (const auto* number = value.if_number()) {
    object.number("double_value", *number);
  } else if (const auto* list = value.if_list()) {
    auto array = object.object("array_value");
    if (!list->empty()) {
      auto values = array.list("values");
      for (const auto& one : *list) {
        auto any = values.object();
        write_any(any, one);
        any.end();
      }
      values.end();
    }
    array.end();
  } else if (const auto* entries = value.if_struct()) {
    auto map = object.object("kvlist_value");
    write_entries(map, "values", *entries);
    map.end();
  }
}

/// What the texts of JSON in a span's attributes say.
Struct parsed_attributes(const Value* attributes) {
  Struct out;
  const auto* object = attributes == nullptr ? nullptr : attributes->if_struct();
  if (object == nullptr) return out;
  for (const auto& [key, value] : *object) {
    const auto* text = value.if_string();
    auto parsed = text == nullptr ? Result<Value>(value) : parse_json(*text, "attribute");
    out.append(key, parsed ? *parsed : value);
  }
  return out;
}

std::string base64_of(std::string_view digits) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
    bytes += static_cast<char>(parse_integer<int>(digits.substr(i, 2), 16).value_or(0));
  return base64_encode(bytes);
}

void write_span(JsonObject& object, const Value& span) {
  object.text("trace_id", span.text_at("trace_id"));
  object.text("span_id", span.text_at("span_id"));
  if (const auto parent = span.text_at("parent_span_id"); !parent.empty())
    object.text("parent_span_id", parent);
  object.text("name", span.text_at("name"));
  object.integer("start_time_unix_nano", span.integer_at("start_time_unix_nano"));
  if (const auto end = span.integer_at("end_time_unix_nano"); end != 0)
    object.integer("end_time_unix_nano", end);
  write_entries(object, "attributes", parsed_attributes(span.find("attributes")));
  const auto each = [&](std::string_view name, const auto& write) {
    const auto* found = span.find(name);
    const auto* list = found == nullptr ? nullptr : found->if_list();
    if (list == nullptr || list->empty()) return;
    auto out = object.list(name);
    for (const auto& one : *list) {
      auto entry = out.object();
      write(entry, one);
      if (const auto* attributes = one.find("attributes"); attributes != nullptr && attributes->is_struct())
        write_entries(entry, "attributes", *attributes->if_struct());
      entry.end();
    }
    out.end();
  };
  each("events", [](JsonObject& entry, const Value& event) {
    entry.integer("time_unix_nano", event.integer_at("time_unix_nano"));
    entry.text("name", event.text_at("name"));
  });
  each("links", [](JsonObject& entry, const Value& link) {
    auto trace = link.text_at("trace_id");
    if (trace.starts_with("tr-")) trace.erase(0, 3);
    entry.text("trace_id", base64_of(trace));
    entry.text("span_id", base64_of(link.text_at("span_id")));
  });
  const auto* status = span.find("status");
  auto out = object.object("status");
  if (status != nullptr) {
    if (const auto message = status->text_at("message"); !message.empty()) out.text("message", message);
    out.text("code", status->text_at("code"));
  }
  out.end();
}

}  // namespace

std::string_view state_name(TraceState state) {
  for (const auto& [known, name] : states)
    if (known == state) return name;
  return "STATE_UNSPECIFIED";
}

Result<TraceState> state_named(const std::string& name) {
  if (name.empty() || name == "TRACE_STATUS_UNSPECIFIED") return TraceState::unspecified;
  for (const auto& [state, known] : states)
    if (known == name) return state;
  return wrong("state", name, "OK, ERROR, IN_PROGRESS or STATE_UNSPECIFIED");
}

std::string timestamp_text(std::int64_t ms) {
  auto text = to_iso8601(Time(Milliseconds(ms)));
  constexpr std::string_view no_fraction = ".000Z";
  if (text.ends_with(no_fraction)) text.replace(text.size() - no_fraction.size(), no_fraction.size(), "Z");
  return text;
}

std::string duration_text(std::int64_t ms) {
  const std::string sign = ms < 0 ? "-" : "";
  const auto size = ms < 0 ? -ms : ms;
  if (size % second == 0) return fmt::format("{}{}s", sign, size / second);
  return fmt::format("{}{}.{:03}s", sign, size / second, size % second);
}

Result<std::vector<ports::KeyValue>> map_of(const Fields& fields, std::string_view name) {
  SLUICE_TRY(map, fields.object(name));
  std::vector<ports::KeyValue> pairs;
  for (const auto& [key, value] : *map.value().if_struct()) {
    SLUICE_TRY(text, map.text(key));
    pairs.push_back({.key = key, .value = std::move(text)});
  }
  return pairs;
}

Result<ports::Trace> read_trace_info(const Fields& info) {
  ports::Trace trace;
  SLUICE_TRY(id, info.needed("trace_id"));
  trace.id = std::move(id);
  SLUICE_TRY(location, info.object("trace_location"));
  SLUICE_TRY(of_experiment, location.object("mlflow_experiment"));
  SLUICE_TRY(experiment, of_experiment.experiment_id());
  trace.experiment = experiment;
  SLUICE_TRY(at, info.text("request_time"));
  if (!at.empty()) {
    SLUICE_TRY(ms, tracking::timestamp_of(at, "request_time"));
    trace.at_ms = ms;
  }
  SLUICE_TRY(duration, info.text("execution_duration"));
  if (!duration.empty()) {
    SLUICE_TRY(ms, tracking::duration_of(duration, "execution_duration"));
    trace.duration_ms = ms;
  }
  SLUICE_TRY(state_text, info.text("state"));
  SLUICE_TRY(state, state_named(state_text));
  trace.state = state;
  const auto optional = [&](std::string_view name, std::optional<std::string>& out) -> Result<void> {
    if (!info.has(name)) return {};
    SLUICE_TRY(text, info.text(name));
    out = std::move(text);
    return {};
  };
  SLUICE_DO(optional("client_request_id", trace.client_request));
  SLUICE_DO(optional("request_preview", trace.request_preview));
  SLUICE_DO(optional("response_preview", trace.response_preview));
  SLUICE_TRY(metadata, map_of(info, "trace_metadata"));
  trace.metadata = std::move(metadata);
  SLUICE_TRY(tags, map_of(info, "tags"));
  trace.tags = std::move(tags);
  SLUICE_TRY(assessments, info.objects("assessments"));
  for (const auto& fields : assessments) {
    SLUICE_TRY(assessment, read_assessment(fields));
    trace.assessments.push_back(std::move(assessment));
  }
  return trace;
}

void write_trace_info(JsonObject& object, const ports::Trace& trace) {
  object.text("trace_id", trace.id);
  if (trace.client_request) object.text("client_request_id", *trace.client_request);
  auto location = object.object("trace_location");
  location.text("type", "MLFLOW_EXPERIMENT");
  auto experiment = location.object("mlflow_experiment");
  experiment.text("experiment_id", std::to_string(trace.experiment));
  experiment.end();
  location.end();
  object.text("request_time", timestamp_text(trace.at_ms));
  if (trace.duration_ms) object.text("execution_duration", duration_text(*trace.duration_ms));
  object.text("state", state_name(trace.state));
  write_map(object, "trace_metadata", trace.metadata);
  if (!trace.assessments.empty()) {
    auto list = object.list("assessments");
    for (const auto& assessment : trace.assessments) {
      auto one = list.object();
      write_assessment(one, trace.id, assessment);
      one.end();
    }
    list.end();
  }
  write_map(object, "tags", trace.tags);
  if (trace.request_preview) object.text("request_preview", *trace.request_preview);
  if (trace.response_preview) object.text("response_preview", *trace.response_preview);
}

void write_old_trace_info(JsonObject& object, const ports::Trace& trace) {
  object.text("request_id", trace.id);
  object.text("experiment_id", std::to_string(trace.experiment));
  object.integer("timestamp_ms", trace.at_ms);
  object.integer("execution_time_ms", trace.duration_ms.value_or(0));
  object.text("status",
              trace.state == TraceState::unspecified ? "TRACE_STATUS_UNSPECIFIED" : state_name(trace.state));
  write_pairs(object, "request_metadata", trace.metadata);
  write_pairs(object, "tags", trace.tags);
}

Result<std::string> spans_json(const std::vector<std::string>& contents) {
  std::string out = "[";
  for (const auto& content : contents) {
    auto span = parse_json(content, "span");
    if (!span)
      return Fail(internal_error(Code::data_loss, "a stored span is not JSON: " + span.error().message));
    if (out.size() > 1) out += ',';
    JsonObject object(out);
    write_span(object, *span);
    object.end();
  }
  return out + "]";
}

Result<Judgement> read_judgement(const Fields& assessment) {
  Judgement judgement;
  if (assessment.has("feedback")) {
    SLUICE_TRY(feedback, assessment.object("feedback"));
    const auto* value = feedback.value().find("value");
    judgement.value = value == nullptr ? "null" : tracking::spaced_json(with_doubles(*value));
    if (!feedback.has("error")) return judgement;
    SLUICE_TRY(error, feedback.object("error"));
    SLUICE_TRY(code, error.text("error_code"));
    SLUICE_TRY(message, error.text("error_message"));
    SLUICE_TRY(stack, error.text("stack_trace"));
    JsonObject out(judgement.error);
    out.text("error_code", code);
    if (error.has("error_message")) out.text("error_message", message);
    if (error.has("stack_trace")) out.text("stack_trace", stack);
    out.end();
    return judgement;
  }
  if (assessment.has("expectation")) {
    judgement.kind = AssessmentKind::expectation;
    SLUICE_TRY(expectation, assessment.object("expectation"));
    if (!expectation.has("serialized_value")) {
      const auto* value = expectation.value().find("value");
      judgement.value = value == nullptr ? "null" : tracking::spaced_json(with_doubles(*value));
      return judgement;
    }
    SLUICE_TRY(serialized, expectation.object("serialized_value"));
    SLUICE_TRY(format, serialized.text("serialization_format"));
    if (format != "JSON_FORMAT")
      return Fail(user_error(Code::invalid_argument,
                             fmt::format("Unknown serialization format: {}. Only JSON_FORMAT is supported.",
                                         tracking::shown(format))));
    SLUICE_TRY(text, serialized.text("value"));
    SLUICE_TRY(parsed, parse_json(text, "serialized_value"));
    judgement.value = tracking::spaced_json(parsed);
    return judgement;
  }
  if (assessment.has("issue")) {
    judgement.kind = AssessmentKind::issue;
    SLUICE_TRY(issue, assessment.object("issue"));
    SLUICE_TRY(name, issue.text("issue_name"));
    Struct value;
    value.append("issue_name", Value(name));
    judgement.value = tracking::spaced_json(Value(std::move(value)));
    return judgement;
  }
  return Fail(user_error(Code::invalid_argument, "Unknown assessment type: None"));
}

Result<ports::Assessment> read_assessment(const Fields& fields) {
  ports::Assessment assessment;
  SLUICE_TRY(judgement, read_judgement(fields));
  assessment.kind = judgement.kind;
  assessment.value = std::move(judgement.value);
  assessment.error = std::move(judgement.error);
  SLUICE_TRY(id, fields.text("assessment_id"));
  assessment.id = std::move(id);
  SLUICE_TRY(name, fields.text("assessment_name"));
  assessment.name = std::move(name);
  SLUICE_TRY(source, fields.object("source"));
  SLUICE_TRY(source_type, source.text("source_type"));
  assessment.source_type = source_type.empty() ? "SOURCE_TYPE_UNSPECIFIED" : tracking::shown(source_type);
  SLUICE_TRY(source_id, source.text("source_id"));
  assessment.source_id = std::move(source_id);
  SLUICE_TRY(span, fields.text("span_id"));
  assessment.span = std::move(span);
  if (fields.has("rationale")) {
    SLUICE_TRY(rationale, fields.text("rationale"));
    assessment.rationale = std::move(rationale);
  }
  SLUICE_TRY(metadata, map_of(fields, "metadata"));
  assessment.metadata = std::move(metadata);
  SLUICE_TRY(overrides, fields.text("overrides"));
  assessment.overrides = std::move(overrides);
  SLUICE_TRY(valid, fields.flag("valid"));
  assessment.valid = valid.value_or(true);
  const auto time = [&](std::string_view field, Time& out) -> Result<void> {
    SLUICE_TRY(text, fields.text(field));
    if (text.empty()) return {};
    SLUICE_TRY(ms, tracking::timestamp_of(text, field));
    out = Time(Milliseconds(ms));
    return {};
  };
  SLUICE_DO(time("create_time", assessment.created));
  SLUICE_DO(time("last_update_time", assessment.updated));
  return assessment;
}

void write_assessment(JsonObject& object, const std::string& trace, const ports::Assessment& assessment) {
  object.text("assessment_id", assessment.id);
  object.text("assessment_name", assessment.name);
  object.text("trace_id", trace);
  if (!assessment.span.empty()) object.text("span_id", assessment.span);
  auto source = object.object("source");
  source.text("source_type", assessment.source_type);
  if (!assessment.source_id.empty()) source.text("source_id", assessment.source_id);
  source.end();
  object.text("create_time", timestamp_text(assessment.created.time_since_epoch().count()));
  object.text("last_update_time", timestamp_text(assessment.updated.time_since_epoch().count()));
  const bool is_nested = assessment.value.starts_with('[') || assessment.value.starts_with('{');
  switch (assessment.kind) {
    case AssessmentKind::feedback: {
      auto feedback = object.object("feedback");
      feedback.raw("value", assessment.value);
      if (!assessment.error.empty()) feedback.raw("error", assessment.error);
      feedback.end();
      break;
    }
    case AssessmentKind::expectation: {
      auto expectation = object.object("expectation");
      if (is_nested) {
        auto serialized = expectation.object("serialized_value");
        serialized.text("serialization_format", "JSON_FORMAT");
        serialized.text("value", assessment.value);
        serialized.end();
      } else {
        expectation.raw("value", assessment.value);
      }
      expectation.end();
      break;
    }
    case AssessmentKind::issue: object.raw("issue", assessment.value); break;
  }
  if (assessment.rationale) object.text("rationale", *assessment.rationale);
  write_map(object, "metadata", assessment.metadata);
  if (!assessment.overrides.empty()) object.text("overrides", assessment.overrides);
  object.boolean("valid", assessment.valid);
}

}  // namespace sluice::api::mlflow
