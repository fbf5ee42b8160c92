#include "sluice/domain/tracking/spans.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <unordered_map>

#include <fmt/format.h>

#include "sluice/base/json.hpp"
#include "sluice/base/numbers.hpp"
#include "sluice/base/words.hpp"
#include "sluice/domain/tracking/rules.hpp"

namespace sluice::tracking {
namespace {

constexpr std::int64_t nanoseconds = 1'000'000;  // of a millisecond
constexpr std::string_view request_id = "mlflow.traceRequestId";
constexpr std::string_view span_type = "mlflow.spanType";
constexpr std::string_view chat_usage = "mlflow.chat.tokenUsage";
constexpr std::string_view llm_cost = "mlflow.llm.cost";
constexpr std::string_view trace_tag = "mlflow.traceTag.";

std::string base64_of(std::string_view hexadecimal) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hexadecimal.size(); i += 2)
    bytes += static_cast<char>(parse_integer<int>(hexadecimal.substr(i, 2), 16).value_or(0));
  return base64_encode(bytes);
}

void write_spaced(const Value& value, std::string& out) {
  if (const auto* list = value.if_list()) {
    out += '[';
    for (std::size_t i = 0; i < list->size(); ++i) {
      if (i > 0) out += ", ";
      write_spaced((*list)[i], out);
    }
    out += ']';
  } else if (const auto* object = value.if_struct()) {
    out += '{';
    bool is_first = true;
    for (const auto& [key, one] : *object) {
      if (!is_first) out += ", ";
      is_first = false;
      out += to_json(Value(key)) + ": ";
      write_spaced(one, out);
    }
    out += '}';
  } else {
    out += to_json(value);
  }
}

/// The attributes as texts of JSON. Some exporters send values that are JSON already.
class Attributes {
 public:
  explicit Attributes(const NewSpan& span) {
    const auto* id = span.attributes.find(request_id);
    const auto* text = id == nullptr ? nullptr : id->if_string();
    // MLflow's own client sends values as they are; its processor for OpenTelemetry sends JSON.
    const bool is_plain = text != nullptr && !text->starts_with('"');
    for (const auto& [key, value] : span.attributes) {
      const auto* written = value.if_string();
      if (is_plain || written == nullptr)
        texts_.append(key, Value(spaced_json(value)));
      else
        texts_.append(key, Value(unwrapped(*written)));
    }
    texts_.set(std::string(request_id), Value(to_json(Value(trace_id_of(span.trace)))));
  }

  [[nodiscard]] const Struct& texts() const { return texts_; }
  Struct& texts() { return texts_; }
  /// "" if it is not there.
  [[nodiscard]] std::string json(std::string_view key) const {
    const auto* text = texts_.find(key);
    return text == nullptr ? std::string() : *text->if_string();
  }
  [[nodiscard]] Value value(std::string_view key) const {
    const auto text = json(key);
    if (text.empty()) return {};
    auto parsed = parse_json(text, "attribute");
    return parsed ? std::move(*parsed) : Value();
  }
  /// A text as it is; anything else as JSON; "" if it is not there.
  [[nodiscard]] std::string text(std::string_view key) const {
    const auto found = value(key);
    const auto* text = found.if_string();
    return text != nullptr ? *text : json(key);
  }

 private:
  static std::string unwrapped(const std::string& written) {
    const bool may_be_json = written.starts_with('"') || written.starts_with('{') || written.starts_with('[');
    if (may_be_json && parse_json(written, "attribute")) return written;
    return to_json(Value(written));
  }

  Struct texts_;
};

std::string status_text(NewSpan::Status status) {
  return status == NewSpan::Status::ok ? "OK" : status == NewSpan::Status::error ? "ERROR" : "UNSET";
}

std::string content_of(const NewSpan& span, const Attributes& attributes) {
  List events;
  for (const auto& event : span.events) {
    Struct one;
    one.append("name", Value(event.name));
    one.append("time_unix_nano", Value(event.at_ns));
    one.append("attributes", Value(event.attributes));
    events.emplace_back(std::move(one));
  }
  List links;
  for (const auto& link : span.links) {
    Struct one;
    one.append("trace_id", Value(trace_id_of(link.trace)));
    one.append("span_id", Value(link.span));
    one.append("attributes", link.attributes.empty() ? Value() : Value(link.attributes));
    links.emplace_back(std::move(one));
  }
  Struct status;
  status.append("code", Value("STATUS_CODE_" + status_text(span.status)));
  status.append("message", Value(span.message));
  Struct content;
  content.append("trace_id", Value(base64_of(span.trace)));
  content.append("span_id", Value(base64_of(span.id)));
  content.append("parent_span_id", span.parent.empty() ? Value() : Value(base64_of(span.parent)));
  content.append("name", Value(span.name));
  content.append("start_time_unix_nano", Value(span.started_ns));
  content.append("end_time_unix_nano", span.ended_ns == 0 ? Value() : Value(span.ended_ns));
  content.append("events", Value(std::move(events)));
  content.append("status", Value(std::move(status)));
  content.append("attributes", Value(attributes.texts()));
  content.append("links", Value(std::move(links)));
  return spaced_json(Value(std::move(content)));
}

/// What OpenTelemetry's conventions call differently.
void translate(Attributes& attributes) {
  if (attributes.texts().find(chat_usage) == nullptr) {
    const auto count = [&](std::initializer_list<std::string_view> names) -> std::optional<std::int64_t> {
      for (const auto name : names)
        if (const auto found = attributes.value(name); const auto* integer = found.if_integer())
          return *integer;
      return std::nullopt;
    };
    const auto input = count({"gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens",
                              "llm.token_count.prompt", "llm.usage.prompt_tokens"});
    const auto output = count({"gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens",
                               "llm.token_count.completion", "llm.usage.completion_tokens"});
    if (input || output) {
      Struct usage;
      usage.append("input_tokens", Value(input.value_or(0)));
      usage.append("output_tokens", Value(output.value_or(0)));
      usage.append("total_tokens", Value(input.value_or(0) + output.value_or(0)));
      attributes.texts().append(std::string(chat_usage), Value(spaced_json(Value(std::move(usage)))));
    }
  }
  const auto take = [&](std::string_view to, std::initializer_list<std::string_view> names) {
    if (attributes.texts().find(to) != nullptr) return;
    for (const auto name : names)
      if (const auto text = attributes.json(name); !text.empty()) {
        attributes.texts().append(std::string(to), Value(text));
        return;
      }
  };
  take("mlflow.llm.model", {"gen_ai.response.model", "gen_ai.request.model", "llm.model_name"});
  take("mlflow.llm.provider", {"gen_ai.provider.name", "gen_ai.system", "llm.provider"});
  take("mlflow.spanInputs", {"input.value", "gen_ai.input.messages", "traceloop.entity.input"});
  take("mlflow.spanOutputs", {"output.value", "gen_ai.output.messages", "traceloop.entity.output"});
}

/// A text for a list: what is too long is cut, between characters.
std::string preview_of(const std::string& text) {
  constexpr std::size_t characters_max = 1000;
  std::size_t characters = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool begins = (static_cast<unsigned char>(text[i]) & 0xc0U) != 0x80;
    if (begins && ++characters > characters_max) {
      auto end = i;
      for (int back = 0; back < 3; ++back) do
          --end;
        while ((static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80);
      return text.substr(0, end) + "...";
    }
  }
  return text;
}

void put(std::vector<ports::KeyValue>& pairs, std::string key, std::string value) {
  const auto found = std::ranges::find(pairs, key, &ports::KeyValue::key);
  if (found == pairs.end())
    pairs.push_back({.key = std::move(key), .value = std::move(value)});
  else
    found->value = std::move(value);
}

/// A tag that MLflow would refuse is left out, as it does there: the span still has it.
void put_tag(ports::Trace& trace, std::string key, std::string value) {
  constexpr std::size_t tags_max = 1000;
  if (trace.tags.size() >= tags_max) return;
  auto tag = checked_tag({.key = std::move(key), .value = std::move(value)});
  if (tag) put(trace.tags, std::move(tag->key), std::move(tag->value));
}

void put_resource(ports::Trace& trace, const Struct& resource) {
  constexpr std::size_t looked_at_max = 100;
  std::size_t looked_at = 0;
  for (const auto& [key, value] : resource) {
    if (++looked_at > looked_at_max) return;
    if (key.starts_with("telemetry.sdk.") || key.starts_with("mlflow.")) continue;
    const auto* text = value.if_string();
    put_tag(trace, key, text != nullptr ? *text : spaced_json(value));
  }
}

void add_root(ports::Trace& trace, const NewSpan& span, const Attributes& attributes) {
  trace.state = span.status == NewSpan::Status::error ? ports::TraceState::error : ports::TraceState::ok;
  if (const auto inputs = attributes.json("mlflow.spanInputs"); !inputs.empty())
    trace.request_preview = preview_of(inputs);
  if (const auto outputs = attributes.json("mlflow.spanOutputs"); !outputs.empty())
    trace.response_preview = preview_of(outputs);
  for (const auto& [key, value] : attributes.texts())
    if (key.starts_with(trace_tag)) put_tag(trace, key.substr(trace_tag.size()), attributes.text(key));
}

ports::TraceSpan span_of(const NewSpan& span, const Attributes& attributes) {
  const auto word = [&](std::string_view key) {
    const auto value = attributes.value(key);
    const auto* text = value.if_string();
    constexpr std::size_t word_max = 500;
    return text == nullptr ? std::string() : as_utf8(text->substr(0, word_max));
  };
  const auto numbers = [&](std::string_view key) {
    return attributes.value(key).is_struct() ? attributes.json(key) : std::string();
  };
  return {.id = span.id,
          .parent = span.parent,
          .name = span.name,
          .type = word(span_type),
          .status = status_text(span.status),
          .started_ns = span.started_ns,
          .ended_ns = span.ended_ns,
          .content = content_of(span, attributes),
          .usage = numbers(chat_usage),
          .cost = numbers(llm_cost),
          .model = word("mlflow.llm.model"),
          .provider = word("mlflow.llm.provider")};
}

void add_span(ports::TraceSpans& logged, const NewSpan& span, const Struct*& resource) {
  Attributes attributes(span);
  translate(attributes);
  auto& trace = logged.trace;
  const auto start = span.started_ns / nanoseconds;
  const auto end = std::max(trace.at_ms + trace.duration_ms.value_or(0), span.ended_ns / nanoseconds);
  trace.at_ms = logged.spans.empty() ? start : std::min(trace.at_ms, start);
  if (span.ended_ns != 0 || trace.duration_ms) trace.duration_ms = end - trace.at_ms;
  if (span.resource && span.resource.get() != resource) {
    resource = span.resource.get();
    put_resource(trace, *resource);
  }
  if (span.parent.empty()) add_root(trace, span, attributes);
  constexpr std::array<std::pair<std::string_view, std::string_view>, 3> of_whole{
      {{"session.id", "mlflow.trace.session"},
       {"gen_ai.conversation.id", "mlflow.trace.session"},
       {"user.id", "mlflow.trace.user"}}};
  constexpr std::size_t metadata_max = 250;
  for (const auto& [attribute, key] : of_whole)
    if (const auto text = attributes.text(attribute);
        !text.empty() &&
        std::ranges::find(trace.metadata, key, &ports::KeyValue::key) == trace.metadata.end())
      trace.metadata.push_back({.key = std::string(key), .value = as_utf8(text.substr(0, metadata_max))});
  logged.spans.push_back(span_of(span, attributes));
}

struct Node {
  std::string parent;
  Value numbers;                     ///< null: none
  std::optional<bool> below_others;  ///< whether a span above it has numbers; nullopt: not known yet
};

/// Sums of what spans used. A span that has numbers has those of its descendants, too.
class Sums {
 public:
  explicit Sums(bool whole) : whole_(whole) {}
  void add(const std::string& id, const std::string& parent, const std::string& numbers) {
    auto& node = nodes_[id];
    node.parent = parent;
    if (numbers.empty()) return;
    auto parsed = parse_json(numbers, "numbers of a span");
    if (parsed && parsed->is_struct()) node.numbers = std::move(*parsed);
  }
  /// "" if no span has any.
  [[nodiscard]] std::string text(const std::vector<std::string_view>& keys,
                                 const std::vector<std::string_view>& more) {
    bool has_any = false;
    std::map<std::string_view, double> sums;
    for (const auto& [id, node] : nodes_) {
      if (node.numbers.is_null() || is_counted_above(id)) continue;
      has_any = true;
      for (const auto* list : {&keys, &more})
        for (const auto key : *list)
          if (const auto* value = node.numbers.find(key))
            if (const auto number = value->as_double()) sums[key] += *number;
    }
    if (!has_any) return {};
    Struct out;
    for (const auto key : keys) out.append(std::string(key), number_of(sums[key]));
    for (const auto key : more)
      if (sums.contains(key)) out.append(std::string(key), number_of(sums[key]));
    return spaced_json(Value(std::move(out)));
  }

 private:
  [[nodiscard]] Value number_of(double sum) const {
    constexpr double exact_max = 9007199254740992.0;
    if (whole_ && sum <= exact_max && sum >= -exact_max) return {static_cast<std::int64_t>(sum)};
    return {sum};
  }
  /// Looks at each span once, whatever the tree is. Noise may make a circle of spans, which ends where it
  /// began.
  bool is_counted_above(const std::string& id) {
    std::vector<Node*> path;
    bool answer = false;
    for (auto found = nodes_.find(id); found != nodes_.end();) {
      auto& node = found->second;
      if (node.below_others) {
        answer = *node.below_others;
        break;
      }
      node.below_others = false;
      path.push_back(&node);
      found = nodes_.find(node.parent);
      if (found != nodes_.end() && !found->second.numbers.is_null()) {
        answer = true;
        break;
      }
    }
    for (auto* node : path) node->below_others = answer;
    return *nodes_.at(id).below_others;
  }

  bool whole_;
  std::unordered_map<std::string, Node> nodes_;
};

std::vector<ports::KeyValue> sums_of(const std::vector<ports::TraceSpan>& spans) {
  Sums usage(true);
  Sums cost(false);
  for (const auto& span : spans) {
    usage.add(span.id, span.parent, span.usage);
    cost.add(span.id, span.parent, span.cost);
  }
  std::vector<ports::KeyValue> pairs;
  if (auto text = usage.text({"input_tokens", "output_tokens", "total_tokens"},
                             {"cache_read_input_tokens", "cache_creation_input_tokens",
                              "cache_creation_input_tokens_above_1hr"});
      !text.empty())
    pairs.push_back({.key = "mlflow.trace.tokenUsage", .value = std::move(text)});
  if (auto text = cost.text({"input_cost", "output_cost", "total_cost"}, {}); !text.empty())
    pairs.push_back({.key = "mlflow.trace.cost", .value = std::move(text)});
  return pairs;
}

}  // namespace

std::string trace_id_of(std::string_view digits) { return "tr-" + std::string(digits); }

std::vector<ports::TraceSpans> by_trace(const std::vector<NewSpan>& spans) {
  std::vector<ports::TraceSpans> traces;
  std::vector<const Struct*> resources;  // the one that each trace has the tags of
  std::unordered_map<std::string_view, std::size_t> places;
  for (const auto& span : spans) {
    const auto [place, is_new] = places.try_emplace(span.trace, traces.size());
    if (is_new) {
      auto& logged = traces.emplace_back();
      logged.trace.id = trace_id_of(span.trace);
      logged.trace.state = ports::TraceState::in_progress;
      logged.sum = sums_of;
      resources.push_back(nullptr);
    }
    add_span(traces[place->second], span, resources[place->second]);
  }
  return traces;
}

std::string spaced_json(const Value& value) {
  std::string out;
  write_spaced(value, out);
  return out;
}

}  // namespace sluice::tracking
