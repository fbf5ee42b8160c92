#include "sluice/domain/tracking/moving_traces.hpp"

#include <algorithm>
#include <cmath>
#include <tuple>

#include <fmt/format.h>

#include "sluice/base/json.hpp"
#include "sluice/base/words.hpp"
#include "sluice/domain/tracking/spans.hpp"
#include "sluice/domain/tracking/trace_times.hpp"

namespace sluice::tracking {
namespace {

using ports::Assessment;
using ports::KeyValue;
using ports::Lack;
using ports::Trace;
using ports::TraceSpan;
using ports::TraceState;

constexpr std::size_t file_bytes_max = std::size_t{256} << 20;

/// A text; anything else as JSON; nullopt if it is absent or null.
std::optional<std::string> text_in(const Value& value, std::string_view name) {
  const auto* field = value.find(name);
  if (field == nullptr || field->is_null()) return std::nullopt;
  const auto* text = field->if_string();
  return text != nullptr ? *text : to_json(*field);
}

std::vector<KeyValue> map_in(const Value* map) {
  std::vector<KeyValue> pairs;
  if (map == nullptr || !map->is_struct()) return pairs;
  for (const auto& [key, value] : *map->if_struct())
    pairs.push_back({.key = key, .value = text_in(*map, key).value_or("")});
  std::ranges::sort(pairs, {}, &KeyValue::key);
  return pairs;
}

TraceState state_in(std::string_view name) {
  if (name == "OK") return TraceState::ok;
  if (name == "ERROR") return TraceState::error;
  return name == "IN_PROGRESS" ? TraceState::in_progress : TraceState::unspecified;
}

Result<Time> time_in(const Value& value, std::string_view name) {
  const auto text = value.text_at(name);
  if (text.empty()) return Time{};
  SLUICE_TRY(ms, timestamp_of(text, name));
  return Time(Milliseconds(ms));
}

Result<Assessment> assessment_in(const Value& written) {
  Assessment made;
  const auto json_of = [](const Value* value) { return value == nullptr ? "null" : spaced_json(*value); };
  if (const auto* feedback = written.find("feedback")) {
    made.value = json_of(feedback->find("value"));
    if (const auto* error = feedback->find("error"); error != nullptr && error->is_struct())
      made.error = spaced_json(*error);
  } else if (const auto* expectation = written.find("expectation")) {
    made.kind = ports::AssessmentKind::expectation;
    made.value = json_of(expectation->find("value"));
    if (const auto* serialized = expectation->find("serialized_value")) {
      SLUICE_TRY(parsed, parse_json(serialized->text_at("value"), "serialized_value"));
      made.value = spaced_json(parsed);
    }
  } else if (const auto* issue = written.find("issue")) {
    made.kind = ports::AssessmentKind::issue;
    made.value = spaced_json(*issue);
  } else {
    return Fail(user_error(Code::invalid_argument, "an assessment of an unknown kind"));
  }
  made.id = written.text_at("assessment_id");
  made.name = written.text_at("assessment_name");
  if (const auto* source = written.find("source")) {
    made.source_type = source->text_at("source_type");
    made.source_id = source->text_at("source_id");
  }
  made.span = written.text_at("span_id");
  made.rationale = text_in(written, "rationale");
  made.metadata = map_in(written.find("metadata"));
  made.overrides = written.text_at("overrides");
  made.valid = written.find("valid") == nullptr || written.boolean_at("valid");
  SLUICE_TRY(created, time_in(written, "create_time"));
  SLUICE_TRY(updated, time_in(written, "last_update_time"));
  made.created = created;
  made.updated = updated;
  return made;
}

/// The hexadecimal digits of an id that is written in base64, or "0x1234", as old clients do.
std::string digits_of(const std::string& id) {
  if (id.starts_with("0x")) return id.substr(2);
  const auto bytes = base64_decode(id);
  if (!bytes) return id;
  std::string digits;
  for (const char byte : *bytes) digits += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return digits;
}

/// What `wanted` has and `stored` does not, or has with another value.
std::int64_t lacking(const std::vector<KeyValue>& wanted, const std::vector<KeyValue>& stored) {
  return std::ranges::count_if(
      wanted, [&](const KeyValue& pair) { return std::ranges::find(stored, pair) == stored.end(); });
}

/// Numbers may be written in several ways.
bool is_same_json(const std::string& a, const std::string& b) {
  if (a == b) return true;
  const auto one = parse_json(a, "value");
  const auto other = parse_json(b, "value");
  if (!one || !other) return false;
  const auto number = one->as_double();
  const auto number_of_other = other->as_double();
  return number && number_of_other ? *number == *number_of_other : spaced_json(*one) == spaced_json(*other);
}

bool is_same(const Assessment& a, const Assessment& b) {
  const auto fields = [](const Assessment& x) {
    return std::tie(x.kind, x.name, x.source_type, x.source_id, x.span, x.rationale, x.metadata, x.overrides,
                    x.valid, x.created, x.updated);
  };
  return fields(a) == fields(b) && is_same_json(a.value, b.value) && is_same_json(a.error, b.error);
}

}  // namespace

Result<void> add_written(const Value& written, Trace& trace) {
  if (!written.is_struct()) return Fail(user_error(Code::invalid_argument, "it says nothing of a trace"));
  if (auto id = written.text_at("trace_id", written.text_at("request_id")); !id.empty())
    trace.id = std::move(id);
  SLUICE_TRY(at, time_in(written, "request_time"));
  trace.at_ms = at.time_since_epoch().count();
  if (const auto duration = written.text_at("execution_duration"); !duration.empty()) {
    SLUICE_TRY(ms, duration_of(duration, "execution_duration"));
    trace.duration_ms = ms;
  }
  if (const auto* ms = written.find("execution_duration_ms"); ms != nullptr && ms->if_integer() != nullptr)
    trace.duration_ms = *ms->if_integer();
  trace.state = state_in(written.text_at("state"));
  trace.client_request = text_in(written, "client_request_id");
  trace.request_preview = text_in(written, "request_preview");
  trace.response_preview = text_in(written, "response_preview");
  if (auto metadata = map_in(written.find("trace_metadata")); !metadata.empty())
    trace.metadata = std::move(metadata);
  if (auto tags = map_in(written.find("tags")); !tags.empty()) trace.tags = std::move(tags);
  if (const auto* assessments = written.find("assessments"); assessments != nullptr && assessments->if_list())
    for (const auto& one : *assessments->if_list()) {
      SLUICE_TRY(assessment, assessment_in(one));
      trace.assessments.push_back(std::move(assessment));
    }
  return {};
}

Result<TraceSpan> span_in(std::string content) {
  SLUICE_TRY(json, parse_json(content, "span", {.bytes_max = file_bytes_max}));
  if (!json.is_struct()) return Fail(user_error(Code::invalid_argument, "a span is no object"));
  const auto* attributes = json.find("attributes");
  const auto attribute = [&](std::string_view name) -> Value {
    const auto* found = attributes == nullptr ? nullptr : attributes->find(name);
    if (found == nullptr) return {};
    const auto* text = found->if_string();
    if (text == nullptr) return *found;
    auto parsed = parse_json(*text, "attribute");
    if (!parsed) return *found;
    return std::move(*parsed);
  };
  const auto word = [&](std::string_view name) {
    const auto value = attribute(name);
    const auto* text = value.if_string();
    constexpr std::size_t word_max = 500;
    return text == nullptr ? std::string() : as_utf8(text->substr(0, word_max));
  };
  const auto numbers = [&](std::string_view name) {
    const auto value = attribute(name);
    return value.is_struct() ? spaced_json(value) : std::string();
  };
  const auto* status = json.find("status");
  auto code = status == nullptr ? std::string() : status->text_at("code");
  constexpr std::string_view code_prefix = "STATUS_CODE_";
  if (code.starts_with(code_prefix)) code.erase(0, code_prefix.size());
  TraceSpan span;
  span.id = digits_of(json.text_at("span_id"));
  span.parent = digits_of(json.text_at("parent_span_id"));
  span.name = json.text_at("name");
  span.type = word("mlflow.spanType");
  span.status = code.empty() ? "UNSET" : code;
  span.started_ns = json.integer_at("start_time_unix_nano");
  span.ended_ns = json.integer_at("end_time_unix_nano");
  span.usage = numbers("mlflow.chat.tokenUsage");
  span.cost = numbers("mlflow.llm.cost");
  span.model = word("mlflow.llm.model");
  span.provider = word("mlflow.llm.provider");
  span.content = std::move(content);
  if (span.id.empty()) return Fail(user_error(Code::invalid_argument, "a span has no id"));
  return span;
}

Result<std::vector<std::string>> spans_in_file(std::string_view text) {
  SLUICE_TRY(json, parse_json(text, "traces.json", {.bytes_max = file_bytes_max}));
  std::vector<std::string> spans;
  const auto* list = json.find("spans");
  if (list == nullptr || list->if_list() == nullptr)
    return Fail(user_error(Code::invalid_argument, "traces.json: it has no list of spans"));
  for (const auto& span : *list->if_list()) spans.push_back(spaced_json(span));
  return spans;
}

/// What the ledger lacks of a trace.
struct KeptTraceTarget::Missing {
  Lack lack;
  std::vector<std::string> changed;  ///< assessments that are there with other values
};

Result<KeptTraceTarget::Missing> KeptTraceTarget::missing_of(const Trace& trace,
                                                             const std::vector<TraceSpan>& spans) const {
  Missing missing;
  auto found = traces_.trace(principal_.workspace, trace.id);
  if (!found && found.error().code != Code::not_found) return Fail(std::move(found).error());
  if (found && found->experiment != trace.experiment)
    return Fail(user_error(Code::already_exists, "there is a trace with this id, in another experiment"));
  missing.lack.all = !found;
  const auto stored = found ? std::move(*found) : Trace{};
  const auto lacks = [](const auto& wanted, const auto& there) { return wanted && wanted != there; };
  missing.lack.fields = stored.at_ms != trace.at_ms || stored.duration_ms != trace.duration_ms ||
                        stored.state != trace.state || lacks(trace.client_request, stored.client_request) ||
                        lacks(trace.request_preview, stored.request_preview) ||
                        lacks(trace.response_preview, stored.response_preview);
  missing.lack.tags = lacking(trace.tags, stored.tags) + lacking(trace.metadata, stored.metadata);
  for (const auto& assessment : trace.assessments) {
    const auto there = std::ranges::find(stored.assessments, assessment.id, &Assessment::id);
    if (there != stored.assessments.end() && is_same(*there, assessment)) continue;
    ++missing.lack.assessments;
    if (there != stored.assessments.end()) missing.changed.push_back(assessment.id);
  }
  missing.lack.spans = std::max(std::int64_t{0}, static_cast<std::int64_t>(spans.size()) - stored.spans);
  return missing;
}

Result<Lack> KeptTraceTarget::put(const Trace& trace, const std::vector<TraceSpan>& spans,
                                  const std::vector<std::string>& runs) {
  SLUICE_TRY(missing, missing_of(trace, spans));
  if (missing.lack.any()) {
    // One that is removed makes valid what it replaces: all of them are put again as they are.
    if (!missing.changed.empty())
      for (const auto& assessment : trace.assessments)
        SLUICE_DO(traces_.remove_assessment(principal_.workspace, trace.id, assessment.id));
    SLUICE_DO(traces_.put_trace(principal_, trace));
  }
  constexpr std::size_t spans_at_once = 1000;
  if (missing.lack.spans > 0)
    for (std::size_t begin = 0; begin < spans.size(); begin += spans_at_once) {
      const auto end = std::min(begin + spans_at_once, spans.size());
      ports::TraceSpans some{.trace = trace, .spans = {}, .sum = nullptr};
      some.spans.assign(spans.begin() + static_cast<std::ptrdiff_t>(begin),
                        spans.begin() + static_cast<std::ptrdiff_t>(end));
      SLUICE_DO(traces_.add_spans(principal_, {some}));
    }
  for (const auto& run : runs) SLUICE_DO(traces_.link_run(principal_.workspace, {trace.id}, run));
  return missing.lack;
}

Result<Lack> KeptTraceTarget::lack_of(const Trace& trace, const std::vector<TraceSpan>& spans) {
  SLUICE_TRY(missing, missing_of(trace, spans));
  return missing.lack;
}

}  // namespace sluice::tracking
