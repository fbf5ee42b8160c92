#include "sluice/api/mlflow/otlp.hpp"

#include <bit>
#include <cmath>
#include <cstring>
#include <optional>
#include <unordered_map>

#include <fmt/format.h>

#include "sluice/base/json.hpp"
#include "sluice/base/numbers.hpp"
#include "sluice/base/words.hpp"

namespace sluice::api::mlflow {
namespace {

using tracking::NewSpan;
using tracking::SpanEvent;
using tracking::SpanLink;

Fail malformed(std::string_view why) {
  return Fail(user_error(Code::invalid_argument, fmt::format("Invalid OpenTelemetry format: {}", why)));
}

Result<void> count(std::size_t& left, std::string_view what) {
  if (left == 0)
    return Fail(
        user_error(Code::too_large, fmt::format("the request has too many {}; send fewer at once", what)));
  --left;
  return {};
}

/// What is left of the limits of one request.
struct Budget {
  std::size_t spans;
  std::size_t values;
  std::size_t depth_max;
};

/// Hexadecimal digits of an id, of so many bytes.
Result<std::string> id_of(std::string_view bytes, std::size_t size, std::string_view what) {
  if (bytes.empty() || bytes.size() > size)
    return malformed(fmt::format("a {} has 1 to {} bytes, not {}", what, size, bytes.size()));
  std::string digits((size - bytes.size()) * 2, '0');
  for (const char c : bytes) digits += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return digits;
}

/// Not-a-number and infinities, which JSON has not got, become their names.
Value number_of(double value) {
  if (std::isfinite(value)) return {value};
  return Value(std::isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");
}

/// Entries of a map; of a key that is there twice, the last value counts.
class Entries {
 public:
  void put(std::string key, Value value) {
    const auto [place, is_new] = places_.try_emplace(key, entries_.size());
    if (is_new)
      entries_.emplace_back(std::move(key), std::move(value));
    else
      entries_[place->second].second = std::move(value);
  }
  [[nodiscard]] Struct take() && {
    Struct made;
    for (auto& [key, value] : entries_) made.append(std::move(key), std::move(value));
    return made;
  }

 private:
  std::vector<std::pair<std::string, Value>> entries_;
  std::unordered_map<std::string, std::size_t> places_;
};

/// A message of protobuf, field by field.
class Wire {
 public:
  enum class Type { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };
  struct Field {
    std::uint64_t number = 0;
    Type type = Type::varint;
    std::uint64_t value = 0;  ///< of all but bytes
    std::string_view bytes;
  };

  explicit Wire(std::string_view message) : rest_(message) {}

  /// Nothing at the end.
  Result<std::optional<Field>> next() {
    if (rest_.empty()) return std::nullopt;
    SLUICE_TRY(tag, varint());
    Field field{.number = tag >> 3U};
    if (field.number == 0 || field.number > number_max) return malformed("a field has no valid number");
    switch (tag & 7U) {
      case 0: {
        SLUICE_TRY(value, varint());
        field.value = value;
        return field;
      }
      case 1: field.type = Type::fixed64; return fixed(field, sizeof(std::uint64_t));
      case 5: field.type = Type::fixed32; return fixed(field, sizeof(std::uint32_t));
      case 2: {
        field.type = Type::bytes;
        SLUICE_TRY(size, varint());
        if (size > rest_.size()) return malformed("a field is longer than the message");
        field.bytes = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return field;
      }
      default: return malformed("a field has an unknown type");
    }
  }

 private:
  static constexpr std::uint64_t number_max = (std::uint64_t{1} << 29U) - 1;

  Result<std::uint64_t> varint() {
    constexpr std::size_t bytes_max = 10;
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes_max && i < rest_.size(); ++i) {
      const auto byte = static_cast<unsigned char>(rest_[i]);
      value |= std::uint64_t{byte & 0x7fU} << (7 * i);
      if ((byte & 0x80U) != 0) continue;
      rest_.remove_prefix(i + 1);
      return value;
    }
    return malformed("a number does not end");
  }
  Result<std::optional<Field>> fixed(Field field, std::size_t size) {
    if (size > rest_.size()) return malformed("a field is longer than the message");
    for (std::size_t i = 0; i < size; ++i)
      field.value |= std::uint64_t{static_cast<unsigned char>(rest_[i])} << (8 * i);
    rest_.remove_prefix(size);
    return field;
  }

  std::string_view rest_;
};

using Type = Wire::Type;

Result<void> expect(const Wire::Field& field, Type type) {
  if (field.type == type) return {};
  return malformed(fmt::format("field {} has another type", field.number));
}

Result<std::string_view> bytes_of(const Wire::Field& field) {
  SLUICE_DO(expect(field, Type::bytes));
  return field.bytes;
}

Result<std::string> text_of(const Wire::Field& field) {
  SLUICE_TRY(bytes, bytes_of(field));
  if (!is_utf8(bytes)) return malformed("a text is not UTF-8");
  return std::string(bytes);
}

Result<std::int64_t> time_of(const Wire::Field& field) {
  SLUICE_DO(expect(field, Type::fixed64));
  if (field.value > static_cast<std::uint64_t>(INT64_MAX)) return malformed("a time is too late");
  return static_cast<std::int64_t>(field.value);
}

class ProtobufReader {
 public:
  explicit ProtobufReader(const OtlpLimits& limits)
      : budget_{.spans = limits.spans_max, .values = limits.values_max, .depth_max = limits.depth_max} {}

  Result<std::vector<NewSpan>> read(std::string_view message) {
    bool has_any = false;
    Wire wire(message);
    for (;;) {
      SLUICE_TRY(field, wire.next());
      if (!field) break;
      if (field->number != 1) continue;
      has_any = true;
      SLUICE_TRY(bytes, bytes_of(*field));
      SLUICE_DO(read_resource_spans(bytes));
    }
    if (!has_any)
      return Fail(user_error(Code::invalid_argument, "Invalid OpenTelemetry format - no spans found"));
    return std::move(spans_);
  }

 private:
  Result<void> read_resource_spans(std::string_view message) {
    const auto first = spans_.size();
    Entries resource;
    Wire wire(message);
    for (;;) {
      SLUICE_TRY(field, wire.next());
      if (!field) break;
      if (field->number != 1 && field->number != 2) continue;
      SLUICE_TRY(bytes, bytes_of(*field));
      if (field->number == 2) {
        SLUICE_DO(read_scope_spans(bytes));
        continue;
      }
      SLUICE_DO(read_attributes(bytes, 1, resource));
    }
    const auto shared = std::make_shared<const Struct>(std::move(resource).take());
    if (shared->empty()) return {};
    for (auto i = first; i < spans_.size(); ++i) spans_[i].resource = shared;
    return {};
  }

  Result<void> read_scope_spans(std::string_view message) {
    Wire wire(message);
    for (;;) {
      SLUICE_TRY(field, wire.next());
      if (!field) return {};
      if (field->number != 2) continue;
      SLUICE_TRY(bytes, bytes_of(*field));
      SLUICE_DO(count(budget_.spans, "spans"));
      SLUICE_TRY(span, read_span(bytes));
      spans_.push_back(std::move(span));
    }
  }

  Result<NewSpan> read_span(std::string_view message) {
    NewSpan span;
    Entries attributes;
    std::string_view trace;
    std::string_view id;
    std::string_view parent;
    Wire wire(message);
    for (;;) {
      SLUICE_TRY(field, wire.next());
      if (!field) break;
      switch (field->number) {
        case 1: {
          SLUICE_TRY(bytes, bytes_of(*field));
          trace = bytes;
          break;
        }
        case 2: {
          SLUICE_TRY(bytes, bytes_of(*field));
          id = bytes;
          break;
        }
        case 4: {
          SLUICE_TRY(bytes, bytes_of(*field));
          parent = bytes;
          break;
        }
        case 5: {
          SLUICE_TRY(text, text_of(*field));
          span.name = std::move(text);
          break;
        }
        case 7: {
          SLUICE_TRY(time, time_of(*field));
          span.started_ns = time;
          break;
        }
        case 8: {
          SLUICE_TRY(time, time_of(*field));
          span.ended_ns = time;
          break;
        }
        case 9: {
          SLUICE_TRY(bytes, bytes_of(*field));
          SLUICE_DO(read_attribute(bytes, 0, attributes));
          break;
        }
        case 11: {
          SLUICE_TRY(bytes, bytes_of(*field));
          SLUICE_TRY(event, read_event(bytes));
          span.events.push_back(std::move(event));
          break;
        }
        case 13: {
          SLUICE_TRY(bytes, bytes_of(*field));
          SLUICE_TRY(link, read_link(bytes));
          span.links.push_back(std::move(link));
          break;
        }
        case 15: {
          SLUICE_TRY(bytes, bytes_of(*field));
          SLUICE_DO(read_status(bytes, span));
          break;
        }
        default: break;  // what MLflow does not keep either: kind, state, counts of what was dropped, flags
      }
    }
    SLUICE_TRY(trace_digits, id_of(trace, 16, "trace_id"));
    SLUICE_TRY(id_digits, id_of(id, 8, "span_id"));
    span.trace = std::move(trace_digits);
    span.id = std::move(id_digits);
    if (!parent.empty()) {
      SLUICE_TRY(parent_digits, id_of(parent, 8, "parent_span_id"));
      span.parent = std::move(parent_digits);
    }
    span.attributes = std::move(attributes).take();
    return span;
  }

  Result<SpanEvent> read_event(std::string_view message) {
    SLUICE_DO(count(budget_.values, "events"));
    SpanEvent event;
    Entries attributes;
    Wire wire(message);
    for (;;) {
      SLUICE_TRY(field, wire.next());
      if (!field) break;
      if (field->number == 1) {
        SLUICE_TRY(time, time_of(*field));
        event.at_ns = time;
      } else if (field->number == 2) {
        SLUICE_TRY(text, text_of(*field));
        event.name = std::move(text);
      } else if (field->number == 3) {
        SLUICE_TRY(bytes, bytes_of(*field));
        SLUICE_DO(read_attribute(bytes, 0, attributes));
      }
    }
    event.attributes = std::move(attributes).take();
    return event;
  }

  Result<SpanLink> read_link(std::string_view message) {
    SLUICE_DO(count(budget_.values, "links"));
    SpanLink link;
    Entries attributes;
    std::string_view trace;
    std::string_view span;
    Wire wire(message);
    for (;;) {
      SLUICE_TRY(field, wire.next());
      if (!field) break;
      if (field->number != 1 && field->number != 2 && field->number != 4) continue;
      SLUICE_TRY(bytes, bytes_of(*field));
      if (field->number == 1) trace = bytes;
      if (field->number == 2) span = bytes;
      if (field->number == 4) SLUICE_DO(read_attribute(bytes, 0, attributes));
    }
    SLUICE_TRY(trace_digits, id_of(trace, 16, "trace_id of a link"));
    SLUICE_TRY(span_digits, id_of(span, 8, "span_id of a link"));
    link.trace = std::move(trace_digits);
    link.span = std::move(span_digits);
    link.attributes = std::move(attributes).take();
    return link;
  }

  static Result<void> read_status(std::string_view message, NewSpan& span) {
    Wire wire(message);
    for (;;) {
      SLUICE_TRY(field, wire.next());
      if (!field) return {};
      if (field->number == 2) {
        SLUICE_TRY(text, text_of(*field));
        span.message = std::move(text);
      } else if (field->number == 3) {
        SLUICE_DO(expect(*field, Type::varint));
        span.status = field->value == 1   ? NewSpan::Status::ok
                      : field->value == 2 ? NewSpan::Status::error
                                          : NewSpan::Status::unset;
      }
    }
  }

  /// All fields of this number are attributes.
  Result<void> read_attributes(std::string_view message, std::uint64_t number, Entries& attributes,
                               std::size_t depth = 0) {
    Wire wire(message);
    for (;;) {
      SLUICE_TRY(field, wire.next());
      if (!field) return {};
      if (field->number != number) continue;
      SLUICE_TRY(bytes, bytes_of(*field));
      SLUICE_DO(read_attribute(bytes, depth, attributes));
    }
  }

  Result<void> read_attribute(std::string_view message, std::size_t depth, Entries& attributes) {
    SLUICE_DO(count(budget_.values, "values"));
    std::string key;
    Value value;
    Wire wire(message);
    for (;;) {
      SLUICE_TRY(field, wire.next());
      if (!field) break;
      if (field->number == 1) {
        SLUICE_TRY(text, text_of(*field));
        key = std::move(text);
      } else if (field->number == 2) {
        SLUICE_TRY(bytes, bytes_of(*field));
        SLUICE_TRY(read, read_value(bytes, depth));
        value = std::move(read);
      }
    }
    attributes.put(std::move(key), std::move(value));
    return {};
  }

  // NOLINTNEXTLINE(misc-no-recursion): as deep as the limit
  Result<Value> read_value(std::string_view message, std::size_t depth) {
    if (depth > budget_.depth_max) return malformed("a value is nested too deeply");
    Value value;
    Wire wire(message);
    for (;;) {
      SLUICE_TRY(field, wire.next());
      if (!field) return value;
      SLUICE_TRY(read, read_kind(*field, depth, std::move(value)));
      value = std::move(read);
    }
  }

  // NOLINTNEXTLINE(misc-no-recursion): as deep as the limit
  Result<Value> read_kind(const Wire::Field& field, std::size_t depth, Value otherwise) {
    switch (field.number) {
      case 1: {
        SLUICE_TRY(text, text_of(field));
        return Value(std::move(text));
      }
      case 2: SLUICE_DO(expect(field, Type::varint)); return Value(field.value != 0);
      case 3: SLUICE_DO(expect(field, Type::varint)); return Value(std::bit_cast<std::int64_t>(field.value));
      case 4: SLUICE_DO(expect(field, Type::fixed64)); return number_of(std::bit_cast<double>(field.value));
      case 5: {
        SLUICE_TRY(bytes, bytes_of(field));
        List list;
        Wire wire(bytes);
        for (;;) {
          SLUICE_TRY(entry, wire.next());
          if (!entry) return Value(std::move(list));
          if (entry->number != 1) continue;
          SLUICE_DO(count(budget_.values, "values"));
          SLUICE_TRY(message, bytes_of(*entry));
          SLUICE_TRY(read, read_value(message, depth + 1));
          list.push_back(std::move(read));
        }
      }
      case 6: {
        SLUICE_TRY(bytes, bytes_of(field));
        Entries entries;
        SLUICE_DO(read_attributes(bytes, 1, entries, depth + 1));
        return Value(std::move(entries).take());
      }
      case 7: {
        SLUICE_TRY(bytes, bytes_of(field));
        return Value(base64_encode(bytes));
      }
      default: return otherwise;
    }
  }

  Budget budget_;
  std::vector<NewSpan> spans_;
};

/// The same in JSON, in which ids are hexadecimal digits and names are in camel case.
class JsonReader {
 public:
  explicit JsonReader(const OtlpLimits& limits)
      : budget_{.spans = limits.spans_max, .values = limits.values_max, .depth_max = limits.depth_max} {}

  Result<std::vector<NewSpan>> read(const Value& root) {
    const auto* all = root.find("resourceSpans");
    const auto* list = all == nullptr ? nullptr : all->if_list();
    if (list == nullptr || list->empty())
      return Fail(user_error(Code::invalid_argument, "Invalid OpenTelemetry format - no spans found"));
    for (const auto& resource_spans : *list) {
      SLUICE_TRY(resource, attributes_of(field_of(resource_spans, "resource")));
      const auto shared = resource.empty() ? nullptr : std::make_shared<const Struct>(std::move(resource));
      SLUICE_TRY(scopes, list_of(resource_spans, "scopeSpans"));
      for (const auto& scope : *scopes) {
        SLUICE_TRY(spans, list_of(scope, "spans"));
        for (const auto& one : *spans) {
          SLUICE_DO(count(budget_.spans, "spans"));
          SLUICE_TRY(span, span_of(one));
          span.resource = shared;
          spans_.push_back(std::move(span));
        }
      }
    }
    return std::move(spans_);
  }

 private:
  static const Value& field_of(const Value& object, std::string_view name) {
    static const Value nothing;
    const auto* found = object.find(name);
    return found == nullptr ? nothing : *found;
  }
  static Result<const List*> list_of(const Value& object, std::string_view name) {
    static const List nothing;
    const auto& found = field_of(object, name);
    if (found.is_null()) return &nothing;
    if (const auto* list = found.if_list()) return list;
    return malformed(fmt::format("`{}` is not a list", name));
  }
  static Result<std::string> text_of(const Value& object, std::string_view name) {
    const auto& found = field_of(object, name);
    if (found.is_null()) return std::string();
    if (const auto* text = found.if_string()) return *text;
    return malformed(fmt::format("`{}` is not a text", name));
  }
  /// 64 bits, which may be written as a text.
  static Result<std::int64_t> integer_of(const Value& found, std::string_view name) {
    if (found.is_null()) return 0;
    if (const auto* integer = found.if_integer()) return *integer;
    if (const auto* text = found.if_string())
      if (const auto parsed = parse_integer<std::int64_t>(*text)) return *parsed;
    return malformed(fmt::format("`{}` is not an integer", name));
  }
  static Result<std::int64_t> time_of(const Value& object, std::string_view name) {
    SLUICE_TRY(time, integer_of(field_of(object, name), name));
    if (time < 0) return malformed(fmt::format("`{}` is negative", name));
    return time;
  }
  static Result<std::string> id_of(const Value& object, std::string_view name, std::size_t digits,
                                   bool needed) {
    SLUICE_TRY(text, text_of(object, name));
    if (text.empty() && !needed) return text;
    auto id = lower_ascii(text);
    if (id.empty() || id.size() > digits || id.find_first_not_of("0123456789abcdef") != std::string::npos)
      return malformed(fmt::format("`{}` has 1 to {} hexadecimal digits", name, digits));
    return std::string(digits - id.size(), '0') + id;
  }

  Result<Struct> attributes_of(const Value& object, std::size_t depth = 0,
                               std::string_view name = "attributes") {
    SLUICE_TRY(list, list_of(object, name));
    Entries entries;
    for (const auto& one : *list) {
      SLUICE_DO(count(budget_.values, "values"));
      SLUICE_TRY(key, text_of(one, "key"));
      SLUICE_TRY(value, value_of(field_of(one, "value"), depth));
      entries.put(std::move(key), std::move(value));
    }
    return std::move(entries).take();
  }

  // NOLINTNEXTLINE(misc-no-recursion): as deep as the limit
  Result<Value> value_of(const Value& any, std::size_t depth) {
    if (depth > budget_.depth_max) return malformed("a value is nested too deeply");
    if (const auto& text = field_of(any, "stringValue"); !text.is_null()) {
      if (!text.is_string()) return malformed("`stringValue` is not a text");
      return text;
    }
    if (const auto& flag = field_of(any, "boolValue"); !flag.is_null()) {
      if (flag.if_boolean() == nullptr) return malformed("`boolValue` is not true or false");
      return flag;
    }
    if (const auto& integer = field_of(any, "intValue"); !integer.is_null()) {
      SLUICE_TRY(value, integer_of(integer, "intValue"));
      return Value(value);
    }
    if (const auto& number = field_of(any, "doubleValue"); !number.is_null()) {
      if (const auto value = number.as_double()) return Value(*value);
      if (number.is_string()) return number;
      return malformed("`doubleValue` is not a number");
    }
    if (const auto& bytes = field_of(any, "bytesValue"); !bytes.is_null()) {
      if (!bytes.is_string()) return malformed("`bytesValue` is not a text");
      return bytes;
    }
    if (const auto& array = field_of(any, "arrayValue"); !array.is_null()) {
      SLUICE_TRY(values, list_of(array, "values"));
      List list;
      for (const auto& one : *values) {
        SLUICE_DO(count(budget_.values, "values"));
        SLUICE_TRY(value, value_of(one, depth + 1));
        list.push_back(std::move(value));
      }
      return Value(std::move(list));
    }
    if (const auto& map = field_of(any, "kvlistValue"); !map.is_null()) {
      SLUICE_TRY(entries, attributes_of(map, depth + 1, "values"));
      return Value(std::move(entries));
    }
    return Value();
  }

  Result<NewSpan> span_of(const Value& one) {
    if (!one.is_struct()) return malformed("a span is not an object");
    NewSpan span;
    SLUICE_TRY(trace, id_of(one, "traceId", 32, true));
    SLUICE_TRY(id, id_of(one, "spanId", 16, true));
    SLUICE_TRY(parent, id_of(one, "parentSpanId", 16, false));
    SLUICE_TRY(name, text_of(one, "name"));
    SLUICE_TRY(started, time_of(one, "startTimeUnixNano"));
    SLUICE_TRY(ended, time_of(one, "endTimeUnixNano"));
    SLUICE_TRY(attributes, attributes_of(one));
    const auto& status = field_of(one, "status");
    SLUICE_TRY(message, text_of(status, "message"));
    SLUICE_TRY(events, list_of(one, "events"));
    for (const auto& event : *events) {
      SLUICE_DO(count(budget_.values, "events"));
      SLUICE_TRY(event_name, text_of(event, "name"));
      SLUICE_TRY(at, time_of(event, "timeUnixNano"));
      SLUICE_TRY(more, attributes_of(event));
      span.events.push_back({.name = std::move(event_name), .at_ns = at, .attributes = std::move(more)});
    }
    SLUICE_TRY(links, list_of(one, "links"));
    for (const auto& link : *links) {
      SLUICE_DO(count(budget_.values, "links"));
      SLUICE_TRY(other, id_of(link, "traceId", 32, true));
      SLUICE_TRY(other_span, id_of(link, "spanId", 16, true));
      SLUICE_TRY(more, attributes_of(link));
      span.links.push_back(
          {.trace = std::move(other), .span = std::move(other_span), .attributes = std::move(more)});
    }
    span.trace = std::move(trace);
    span.id = std::move(id);
    span.parent = std::move(parent);
    span.name = std::move(name);
    span.started_ns = started;
    span.ended_ns = ended;
    span.attributes = std::move(attributes);
    span.message = std::move(message);
    const auto& code = field_of(status, "code");
    if (code == Value(1) || code == Value("STATUS_CODE_OK")) span.status = NewSpan::Status::ok;
    if (code == Value(2) || code == Value("STATUS_CODE_ERROR")) span.status = NewSpan::Status::error;
    return span;
  }

  Budget budget_;
  std::vector<NewSpan> spans_;
};

}  // namespace

Result<std::vector<NewSpan>> read_otlp(std::string_view bytes, const OtlpLimits& limits) {
  return ProtobufReader(limits).read(bytes);
}

Result<std::vector<NewSpan>> read_otlp_json(std::string_view text, const OtlpLimits& limits) {
  SLUICE_TRY(root, parse_json(text, "body"));
  if (!root.is_struct()) return malformed("the body is not an object");
  return JsonReader(limits).read(root);
}

}  // namespace sluice::api::mlflow
