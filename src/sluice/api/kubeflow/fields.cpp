#include "sluice/api/kubeflow/fields.hpp"

#include <fmt/format.h>

#include "sluice/base/json.hpp"
#include "sluice/base/sent_field.hpp"

namespace sluice::api::kubeflow {
namespace {

/// "displayName" of "display_name".
std::string in_camel_case(std::string_view name) {
  std::string out;
  bool raise = false;
  for (const char c : name) {
    if (c == '_') {
      raise = true;
      continue;
    }
    constexpr char to_upper = 'a' - 'A';
    out.push_back(raise && c >= 'a' && c <= 'z' ? static_cast<char>(c - to_upper) : c);
    raise = false;
  }
  return out;
}

}  // namespace

Result<Fields> Fields::of(const ports::Request& request) {
  SLUICE_TRY(body, parse_json(request.body, "body"));
  if (!body.is_struct()) return Fail(user_error(Code::invalid_argument, "the body must be a JSON object"));
  return Fields(std::move(body));
}

const Value* Fields::find(std::string_view name) const {
  const auto* value = sent_field(object_, name);
  return value != nullptr ? value : sent_field(object_, in_camel_case(name));
}

Error Fields::wrong_type(std::string_view name, const Value& value, std::string_view wanted) const {
  return user_error(Code::invalid_argument, fmt::format("`{}{}` must be {}, not of the type {}", place_, name,
                                                        wanted, kind_name(value.kind())));
}

Result<std::string> Fields::text(std::string_view name) const {
  const auto* value = find(name);
  if (value == nullptr) return std::string();
  if (const auto* text = value->if_string()) return *text;
  return Fail(wrong_type(name, *value, "a text"));
}

Result<Fields> Fields::object(std::string_view name) const {
  const auto* value = find(name);
  const auto place = fmt::format("{}{}.", place_, name);
  if (value == nullptr) return Fields(Struct{}, place);
  if (!value->is_struct()) return Fail(wrong_type(name, *value, "an object"));
  return Fields(*value, place);
}

Result<Struct> Fields::map(std::string_view name) const {
  SLUICE_TRY(fields, object(name));
  return *fields.value().if_struct();
}

}  // namespace sluice::api::kubeflow
