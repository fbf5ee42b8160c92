#include "sluice/api/mlflow/fields.hpp"

#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "sluice/base/json.hpp"
#include "sluice/base/numbers.hpp"
#include "sluice/base/words.hpp"

namespace sluice::api {
namespace {

constexpr std::string_view see = " See the API docs for more information about request parameters.";

std::string_view python_type(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::boolean: return "bool";
    case Value::Kind::integer: return "int";
    case Value::Kind::number: return "float";
    case Value::Kind::list: return "list";
    case Value::Kind::structure: return "dict";
    case Value::Kind::string: return "str";
    default: return "NoneType";
  }
}

Value query_object(const ports::Request& request) {
  Struct fields;
  for (const auto& [name, value] : request.query) {
    auto* known = fields.find(name);
    if (known == nullptr) {
      fields.append(name, List{Value(value)});
      continue;
    }
    auto list = *known->if_list();
    list.emplace_back(value);
    *known = Value(std::move(list));
  }
  return fields;
}

/// The only entry of a list that a query made.
const Value& only(const Value& value) {
  const auto* list = value.if_list();
  return list != nullptr && list->size() == 1 ? list->front() : value;
}

}  // namespace

Error missing_parameter(std::string_view name) {
  return user_error(Code::invalid_argument,
                    fmt::format("Missing value for required parameter '{}'.{}", name, see));
}

Result<Fields> Fields::of(const ports::Request& request) {
  if (request.method == "GET" || request.method == "HEAD") return Fields(query_object(request));
  if (request.method == "DELETE" && request.body.empty()) return Fields(query_object(request));
  const auto type = request.header("content-type");
  if (const auto media = lower_ascii(type.substr(0, type.find(';'))); media != "application/json")
    return Fail(
        user_error(Code::invalid_argument, "Bad Request. Content-Type must be one of ['application/json']."));
  if (request.body.empty()) return Fields(query_object(request));
  auto body = parse_json(request.body, "body");
  // Older clients encode their JSON twice.
  if (body && body->is_string()) body = parse_json(std::string(*body->if_string()), "body");
  if (!body) return Fail(std::move(body).error());
  if (body->is_null()) return Fields(Struct{});
  if (!body->is_struct()) return Fail(user_error(Code::invalid_argument, "the body must be a JSON object"));
  return Fields(std::move(*body));
}

const Value* Fields::find(std::string_view name) const {
  const auto* value = object_.find(name);
  return value == nullptr || value->is_null() ? nullptr : value;
}

std::string Fields::path_of(std::string_view name) const {
  if (place_.empty()) return std::string(name);
  return index_ ? fmt::format("{}[{}].{}", place_, *index_, name) : place_ + "." + std::string(name);
}

Error Fields::wrong_type(std::string_view name, const Value& value) const {
  constexpr std::size_t shown_max = 200;
  auto shown = value.is_string() ? *value.if_string() : to_json(value);
  if (shown.size() > shown_max) shown = as_utf8(shown.substr(0, shown_max)) + "…";
  return user_error(Code::invalid_argument,
                    fmt::format("Invalid value {} for parameter '{}' supplied: Value was of type '{}'.{}",
                                shown, path_of(name), python_type(value), see));
}

Result<std::string> Fields::text(std::string_view name) const {
  const auto* value = find(name);
  if (value == nullptr) return std::string();
  if (const auto* text = only(*value).if_string()) return *text;
  return Fail(wrong_type(name, *value));
}

Result<std::string> Fields::needed(std::string_view name) const {
  SLUICE_TRY(text, this->text(name));
  if (text.empty()) return Fail(missing_parameter(path_of(name)));
  return text;
}

Result<std::optional<std::int64_t>> Fields::integer(std::string_view name) const {
  const auto* value = find(name);
  if (value == nullptr) return std::nullopt;
  const auto& one = only(*value);
  if (const auto* integer = one.if_integer()) return *integer;
  if (const auto* text = one.if_string())
    if (const auto parsed = parse_integer<std::int64_t>(*text)) return *parsed;
  constexpr double exact_max = 9007199254740992.0;
  if (const auto* number = one.if_number();
      number && std::trunc(*number) == *number && std::abs(*number) <= exact_max)
    return static_cast<std::int64_t>(*number);
  return Fail(wrong_type(name, *value));
}

Result<std::optional<double>> Fields::number(std::string_view name) const {
  const auto* value = find(name);
  if (value == nullptr) return std::nullopt;
  const auto& one = only(*value);
  if (const auto number = one.as_double()) return *number;
  if (const auto* text = one.if_string()) {
    if (*text == "NaN") return std::numeric_limits<double>::quiet_NaN();
    if (*text == "Infinity") return std::numeric_limits<double>::infinity();
    if (*text == "-Infinity") return -std::numeric_limits<double>::infinity();
    if (const auto parsed = parse_number(*text)) return *parsed;
  }
  return Fail(wrong_type(name, *value));
}

Result<std::optional<bool>> Fields::flag(std::string_view name) const {
  const auto* value = find(name);
  if (value == nullptr) return std::nullopt;
  const auto& one = only(*value);
  if (const auto* flag = one.if_boolean()) return *flag;
  if (const auto* text = one.if_string()) {
    const auto word = lower_ascii(*text);
    if (word == "true" || word == "false") return word == "true";
    return Fail(user_error(Code::invalid_argument,
                           fmt::format("Invalid boolean value: {}, must be 'true' or 'false'.", *text)));
  }
  return Fail(wrong_type(name, *value));
}

Result<std::vector<std::string>> Fields::texts(std::string_view name) const {
  std::vector<std::string> texts;
  const auto* value = find(name);
  if (value == nullptr) return texts;
  const auto* list = value->if_list();
  if (list == nullptr) return Fail(wrong_type(name, *value));
  for (const auto& entry : *list) {
    if (!entry.is_string()) return Fail(wrong_type(name, *value));
    texts.push_back(*entry.if_string());
  }
  return texts;
}

Result<std::vector<Fields>> Fields::objects(std::string_view name) const {
  std::vector<Fields> out;
  const auto* value = find(name);
  if (value == nullptr) return out;
  const auto* list = value->if_list();
  if (list == nullptr) return Fail(wrong_type(name, *value));
  out.reserve(list->size());
  const auto place = path_of(name);
  for (std::size_t i = 0; i < list->size(); ++i) {
    if (!(*list)[i].is_struct()) return Fail(wrong_type(name, *value));
    out.emplace_back((*list)[i], place, i);
  }
  return out;
}

Result<Fields> Fields::object(std::string_view name) const {
  const auto* value = find(name);
  if (value == nullptr) return Fields(Struct{}, path_of(name));
  if (!value->is_struct()) return Fail(wrong_type(name, *value));
  return Fields(*value, path_of(name));
}

Result<std::vector<ports::KeyValue>> Fields::pairs(std::string_view name) const {
  SLUICE_TRY(entries, objects(name));
  std::vector<ports::KeyValue> pairs;
  pairs.reserve(entries.size());
  for (const auto& entry : entries) {
    SLUICE_TRY(key, entry.needed("key"));
    SLUICE_TRY(value, entry.text("value"));
    pairs.push_back({.key = std::move(key), .value = std::move(value)});
  }
  return pairs;
}

Result<std::string> Fields::run_id() const {
  SLUICE_TRY(id, text("run_id"));
  if (!id.empty()) return id;
  SLUICE_TRY(uuid, text("run_uuid"));
  if (uuid.empty()) return Fail(missing_parameter("run_id"));
  return uuid;
}

Result<std::int64_t> Fields::experiment_id() const {
  SLUICE_TRY(text, needed("experiment_id"));
  const auto id = parse_integer<std::int64_t>(text);
  if (id) return *id;
  return Fail(user_error(
      Code::invalid_argument,
      fmt::format("Invalid experiment ID '{}'. Experiment ID must be a valid integer.", as_utf8(text))));
}

}  // namespace sluice::api
