#include "sluice/ir/inputs.hpp"

#include <unordered_map>

#include "sluice/base/json.hpp"
#include "sluice/base/numbers.hpp"
#include "sluice/base/words.hpp"
#include "sluice/ir/types.hpp"
#include "sluice/ir/verify.hpp"
#include "sluice/syntax/yaml_scalar.hpp"

namespace sluice::ir {
namespace {

using Kind = Type::Kind;

Error refuse(const std::string& name, const std::string& message) {
  return user_error(Code::invalid_argument, "input `" + name + "`: " + message);
}

/// Converts a string to the type of the input: "5" → 5 for an integer. For type any, valid JSON is parsed,
/// and everything else is a string. Refuses a number that would not be kept as it is written.
Result<Value> converted(const Input& input, const std::string& text) {
  const auto wrong = [&](const std::string& why) {
    return Fail(refuse(input.name, "`" + text.substr(0, 60) + "` is not " + describe(input.type) + why));
  };
  const auto changed = [&](const Value& value, const std::string& hint) {
    return Fail(refuse(input.name, "`" + text.substr(0, 60) + "` would be read as " + to_json(value) +
                                       "; write that" + hint));
  };
  switch (input.type.kind) {
    case Kind::string:
    case Kind::artifact: return Value(text);
    case Kind::boolean:
      if (text == "true") return Value(true);
      if (text == "false") return Value(false);
      return wrong("; write true or false");
    case Kind::integer: {
      const auto value = parse_integer<std::int64_t>(text);
      return value ? Result<Value>(*value) : wrong("");
    }
    case Kind::number: {
      auto value = parse_json(text);
      if (!value || !value->as_double()) return wrong("");
      if (!syntax::is_exact(text, *value)) return changed(*value, "");
      return value;
    }
    case Kind::any: {
      auto value = parse_json(text);
      if (!value) return Value(text);
      // It may be meant as text, `3.10` or `72225e2`, and would reach an argument in another spelling.
      if (value->as_double() && to_json(*value) != text)
        return changed(*value, ", or `\"" + text.substr(0, 60) + "\"` if it is text");
      return value;
    }
    case Kind::list:
    case Kind::structure: {
      auto value = parse_json(text);
      if (!value) return wrong("; write it as JSON");
      return value;
    }
  }
  return Value(text);
}

}  // namespace

std::optional<std::string> type_mismatch(const Value& value, const Type& type, bool path_for_artifact) {
  if (type.kind == Kind::artifact && path_for_artifact && value.is_string()) return std::nullopt;
  if (type.kind == Kind::list && value.is_list()) {
    if (!type.element) return std::nullopt;
    for (std::size_t i = 0; i < value.if_list()->size(); ++i)
      if (auto problem = type_mismatch((*value.if_list())[i], *type.element, path_for_artifact))
        return "[" + std::to_string(i) + "]: " + *problem;
    return std::nullopt;
  }
  if (value.is_null() && type.kind != Kind::any) return "it is null";
  const auto given = type_of(value);
  if (assignable(given, type)) return std::nullopt;
  return "it is " + describe(given);
}

Result<Struct> bind_inputs(const Pipeline& pipeline, const Struct& given, bool from_text) {
  std::unordered_map<std::string_view, const Value*> by_name;
  for (const auto& [name, value] : given) by_name.emplace(name, &value);
  std::vector<std::string> names;
  names.reserve(pipeline.inputs.size());
  for (const auto& input : pipeline.inputs) names.push_back(input.name);
  Struct bound;
  for (const auto& input : pipeline.inputs) {
    const auto found = by_name.find(input.name);
    if (found == by_name.end()) {
      if (input.value)
        bound.append(input.name, *input.value);
      else if (!input.optional)
        return Fail(refuse(input.name, "it is missing; give it with --input " + input.name + "=VALUE"));
      continue;
    }
    Value value = *found->second;
    by_name.erase(found);
    if (from_text && value.is_string()) {
      SLUICE_TRY(read, converted(input, *value.if_string()));
      value = std::move(read);
    }
    if (const auto problem = type_mismatch(value, input.type, true))
      return Fail(refuse(input.name, "it should be " + describe(input.type) + ", but " + *problem));
    bound.append(input.name, std::move(value));
  }
  for (const auto& [name, value] : given)
    if (by_name.contains(name))
      return Fail(user_error(Code::invalid_argument, "unknown input `" + name + "` of pipeline `" +
                                                         pipeline.name + "`" + did_you_mean(name, names)));
  return bound;
}

}  // namespace sluice::ir
