#include "sluice/ir/types.hpp"

#include <array>

namespace sluice::ir {
namespace {

using Kind = Type::Kind;

struct Word {
  Kind kind;
  std::string_view text;
};
constexpr std::array words{Word{Kind::any, "any"},          Word{Kind::string, "string"},
                           Word{Kind::integer, "integer"},  Word{Kind::number, "number"},
                           Word{Kind::boolean, "boolean"},  Word{Kind::list, "list"},
                           Word{Kind::structure, "struct"}, Word{Kind::artifact, "artifact"}};

const Type any_type;
const Type& element_of(const Type& type) { return type.element ? *type.element : any_type; }

Type list_of(Type element) {
  Type made{.kind = Kind::list, .element = nullptr, .artifact_kind = "any"};
  made.element = std::make_shared<const Type>(std::move(element));
  return made;
}

}  // namespace

bool Type::operator==(const Type& other) const {
  if (kind != other.kind) return false;
  if (kind == Kind::list) return element_of(*this) == element_of(other);
  return kind != Kind::artifact || artifact_kind == other.artifact_kind;
}

std::string print(const Type& type) {
  if (type.kind == Kind::list) return "list<" + print(element_of(type)) + ">";
  for (const auto& word : words)
    if (word.kind == type.kind) return std::string(word.text);
  return "any";
}

std::optional<Type> parse_type(std::string_view text) {
  constexpr int deepest = 20;
  int lists = 0;
  while (text.starts_with("list<") && text.ends_with(">")) {
    if (++lists > deepest) return std::nullopt;
    text = text.substr(5, text.size() - 6);
  }
  std::optional<Type> type;
  for (const auto& word : words)
    if (word.text == text) type = Type{.kind = word.kind, .element = nullptr, .artifact_kind = "any"};
  for (; type && lists > 0; --lists) type = list_of(std::move(*type));
  return type;
}

std::vector<std::string> type_names() {
  std::vector<std::string> names;
  names.reserve(words.size());
  for (const auto& word : words) names.emplace_back(word.text);
  return names;
}

const std::string* artifact_kind_of(const Type& type) {
  if (type.kind == Kind::list && type.element) return artifact_kind_of(*type.element);
  return type.kind == Kind::artifact ? &type.artifact_kind : nullptr;
}

Type with_artifact_kind(const Type& type, std::string kind) {
  if (type.kind == Kind::list && type.element)
    return list_of(with_artifact_kind(*type.element, std::move(kind)));
  Type made = type;
  if (made.kind == Kind::artifact) made.artifact_kind = std::move(kind);
  return made;
}

std::string describe(const Type& type) {
  const auto* kind = artifact_kind_of(type);
  const auto word = print(type);
  const std::string of_kind = kind && *kind != "any" ? " of kind `" + *kind + "`" : "";
  return (word.front() == 'a' || word.front() == 'i' ? "an " : "a ") + word + of_kind;
}

bool assignable(const Type& from, const Type& to) {
  if (from.kind == Kind::any || to.kind == Kind::any) return true;
  if (from.kind == Kind::integer && to.kind == Kind::number) return true;
  if (from.kind != to.kind) return false;
  if (from.kind == Kind::list) return assignable(element_of(from), element_of(to));
  return from.kind != Kind::artifact || from.artifact_kind == to.artifact_kind ||
         from.artifact_kind == "any" || to.artifact_kind == "any";
}

Type common_type(const Type& a, const Type& b) {
  if (a == b) return a;
  if (a.kind == Kind::list && b.kind == Kind::list) return list_of(common_type(element_of(a), element_of(b)));
  if (a.kind == Kind::artifact && b.kind == Kind::artifact)
    return Type{.kind = Kind::artifact, .element = nullptr, .artifact_kind = "any"};
  const auto is_numeric = [](const Type& t) { return t.kind == Kind::integer || t.kind == Kind::number; };
  if (is_numeric(a) && is_numeric(b))
    return Type{.kind = Kind::number, .element = nullptr, .artifact_kind = "any"};
  return {};
}

Type type_of(const Value& value) {
  const auto plain = [](Kind kind) { return Type{.kind = kind, .element = nullptr, .artifact_kind = "any"}; };
  switch (value.kind()) {
    case Value::Kind::null: return {};
    case Value::Kind::boolean: return plain(Kind::boolean);
    case Value::Kind::integer: return plain(Kind::integer);
    case Value::Kind::number: return plain(Kind::number);
    case Value::Kind::late:
    case Value::Kind::string: return plain(Kind::string);
    case Value::Kind::structure: return plain(Kind::structure);
    case Value::Kind::artifact: {
      auto type = plain(Kind::artifact);
      type.artifact_kind = value.if_artifact()->kind;
      return type;
    }
    case Value::Kind::list: {
      std::optional<Type> element;
      for (const auto& v : *value.if_list())
        element = element ? common_type(*element, type_of(v)) : type_of(v);
      return list_of(element.value_or(Type{}));
    }
  }
  return {};
}

}  // namespace sluice::ir
