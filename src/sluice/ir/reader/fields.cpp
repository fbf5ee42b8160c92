#include <algorithm>

#include "sluice/base/json.hpp"
#include "sluice/base/words.hpp"
#include "sluice/ir/duration.hpp"
#include "sluice/ir/reader/plan_reader.hpp"
#include "sluice/ir/types.hpp"
#include "sluice/syntax/yaml_scalar.hpp"

namespace sluice::ir {
namespace {

using syntax::Expression;

std::string shown(const Node& node) {
  if (node.kind == Node::Kind::list) return "a list";
  if (node.kind == Node::Kind::map) return "a map";
  if (node.invalid) return "`" + node.spelling.substr(0, 60) + "`";
  if (node.scalar.is_null()) return "empty";
  if (const auto* text = node.scalar.if_string()) return "`" + text->substr(0, 60) + "`";
  const auto kind = std::string(kind_name(node.scalar.kind()));
  return (kind == "integer" ? "an " : "a ") + kind;
}

ExpressionPtr list_of(const Node& node, std::vector<ExpressionPtr> items) {
  bool fixed = true;
  for (const auto& item : items) fixed = fixed && item->kind == Expression::Kind::literal;
  if (fixed) {
    List values;
    for (const auto& item : items) values.push_back(item->literal);
    return Expression::of(std::move(values), node.at);
  }
  Expression made;
  made.kind = Expression::Kind::list;
  made.at = node.at;
  made.args = std::move(items);
  return std::make_shared<const Expression>(std::move(made));
}

ExpressionPtr structure_of(const Node& node, std::vector<ExpressionPtr> values) {
  bool fixed = true;
  for (const auto& value : values) fixed = fixed && value->kind == Expression::Kind::literal;
  if (fixed) {
    Struct fields;
    for (std::size_t i = 0; i < values.size(); ++i) fields.append(node.fields[i].key, values[i]->literal);
    return Expression::of(std::move(fields), node.at);
  }
  Expression made;
  made.kind = Expression::Kind::structure;
  made.at = node.at;
  for (const auto& field : node.fields) made.keys.push_back(field.key);
  made.args = std::move(values);
  return std::make_shared<const Expression>(std::move(made));
}

}  // namespace

bool PlanReader::is_map(const Node& node, std::string_view what) {
  if (node.kind == Node::Kind::map) return true;
  problem(node.at, std::string(what) + " should be a map, not " + shown(node));
  return false;
}

bool PlanReader::map(const Node& node, std::string_view what, std::initializer_list<std::string_view> known) {
  if (!is_map(node, what)) return false;
  for (const auto& field : node.fields) {
    if (std::ranges::find(known, field.key) != known.end()) continue;
    const std::vector<std::string> names(known.begin(), known.end());
    problem(field.at, std::string(what) + " has no `" + field.key + "`" + did_you_mean(field.key, names));
  }
  return true;
}

const Value& PlanReader::value_of(const Node& node) {
  const auto& value = node.scalar;
  const auto shortened = node.spelling.substr(0, 40) + (node.spelling.size() > 40 ? "…" : "");
  if (node.invalid)
    problem(node.at, syntax::resolve_plain(node.spelling).error());
  else if (!node.quoted && !syntax::is_exact(node.spelling, value))
    problem(node.at, "`" + shortened + "` would be read as " + to_json(value) +
                         "; write that, or quote it if it is text");
  return value;
}

ExpressionPtr PlanReader::raw_expression(const Node& node, Scalars scalars) {
  if (node.kind == Node::Kind::list) {
    std::vector<ExpressionPtr> items;
    items.reserve(node.items.size());
    for (const auto& item : node.items) items.push_back(raw_expression(item, scalars));
    return list_of(node, std::move(items));
  }
  if (node.kind == Node::Kind::map) {
    std::vector<ExpressionPtr> values;
    values.reserve(node.fields.size());
    // A map becomes JSON, in which numbers are numbers.
    for (const auto& field : node.fields) values.push_back(raw_expression(*field.value, Scalars::values));
    return structure_of(node, std::move(values));
  }
  return scalar_expression(node, scalars);
}

ExpressionPtr PlanReader::scalar_expression(const Node& node, Scalars scalars) {
  const auto* text = node.scalar.if_string();
  if (!text && scalars == Scalars::texts) {
    // What is spelled as it is printed keeps its type, so the plan has the digest that it always had.
    const bool same = !node.invalid && to_json(node.scalar) == node.spelling;
    return Expression::of(same ? node.scalar : Value(node.spelling), node.at);
  }
  if (!text) return Expression::of(value_of(node), node.at);
  Location at = node.at;
  if (node.quoted) ++at.column;  // the text begins after the quote
  auto read = syntax::read_scalar(*text, at);
  if (read) return std::move(*read);
  problem(read.error().at, std::move(read.error().message));
  return Expression::of(Value(), node.at);
}

ExpressionPtr PlanReader::expression(const Node& node, Scalars scalars) {
  auto made = raw_expression(node, scalars);
  if (syntax::depth_of(*made) <= syntax::expression_depth_max) return made;
  problem(node.at,
          "this value is more than " + std::to_string(syntax::expression_depth_max) + " deep; split it");
  return Expression::of(Value(), node.at);
}

std::vector<Named> PlanReader::named(const Node* node, std::string_view what, Scalars scalars) {
  std::vector<Named> all;
  if (!node || !is_map(*node, what)) return all;
  for (const auto& field : node->fields) all.emplace_back(field.key, expression(*field.value, scalars));
  return all;
}

std::string PlanReader::plain_text(const Node& node, std::string_view what) {
  constexpr std::size_t longest = 64 << 10;
  const auto read = expression(node);
  const auto* text = read->literal.if_string();
  if (text != nullptr && text->size() <= longest) return *text;
  problem(node.at, std::string(what) + " should be a text of at most 64 KiB without expressions");
  return {};
}

Struct PlanReader::plain_fields(const Node& node, std::string_view what) {
  if (!is_map(node, what)) return {};
  const auto read = expression(node);
  if (const auto* fields = read->literal.if_struct()) return *fields;
  if (!node.fields.empty()) problem(node.at, std::string(what) + " are plain values, not expressions");
  return {};
}

std::string PlanReader::name_in(const Node& node, std::string_view what) {
  if (node.kind == Node::Kind::scalar && node.scalar.is_string()) return *node.scalar.if_string();
  const bool is_spelled = node.kind == Node::Kind::scalar && !node.spelling.empty();
  problem(node.at,
          std::string(what) + " should be a string, not " + shown(node) + (is_spelled ? "; quote it" : ""));
  return {};
}

std::string PlanReader::string(const Node& node, std::string_view what) {
  auto text = name_in(node, what);
  if (text.find("${") != std::string::npos)
    problem(node.at, std::string(what) + " is fixed before the run and cannot be an expression");
  return text;
}

bool PlanReader::boolean(const Node& node, std::string_view what) {
  if (node.kind == Node::Kind::scalar && node.scalar.if_boolean()) return *node.scalar.if_boolean();
  problem(node.at, std::string(what) + " should be true or false, not " + shown(node));
  return false;
}

std::int64_t PlanReader::duration(const Node& node, std::string_view what) {
  if (node.kind == Node::Kind::scalar)
    if (const auto read = duration_of(value_of(node))) return read->count();
  problem(node.at,
          std::string(what) + " should be a duration such as 500ms, 2s or 1h30m, not " + shown(node));
  return 0;
}

Type PlanReader::type(const Node& holder, Location at, std::string_view what) {
  const auto* kind = holder.find("kind");
  const auto* node = holder.find("type");
  if (!node) {
    problem(at, std::string(what) + " needs a `type`, such as string or artifact");
    return {};
  }
  const auto text = string(*node, "`type`");
  auto type = parse_type(text);
  if (!type) {
    if (!text.empty()) problem(node->at, "unknown type `" + text + "`" + did_you_mean(text, type_names()));
    return {};
  }
  if (!kind) return std::move(*type);
  if (!artifact_kind_of(*type)) {
    problem(kind->at, "`kind` applies only to artifacts; this is " + describe(*type));
    return std::move(*type);
  }
  auto named = string(*kind, "`kind`");
  if (named.empty()) named = "any";
  return with_artifact_kind(*type, std::move(named));
}

void PlanReader::name(const Node::Field& field, std::string_view what) {
  constexpr std::size_t longest = 250;
  if (!field.key.empty() && field.key.size() <= longest) return;
  problem(field.at, "the name of " + std::string(what) + " should have 1 to " + std::to_string(longest) +
                        " bytes, not " + std::to_string(field.key.size()));
}

std::size_t PlanReader::word(const Node& node, std::string_view what, const std::vector<std::string>& words) {
  const auto text = string(node, what);
  for (std::size_t i = 0; i < words.size(); ++i)
    if (words[i] == text) return i;
  if (text.empty()) return 0;
  std::string list;
  for (const auto& one : words) list += (list.empty() ? "" : ", ") + one;
  problem(node.at, std::string(what) + " should be one of " + list + ", not `" + text.substr(0, 60) + "`" +
                       did_you_mean(text, words));
  return 0;
}

}  // namespace sluice::ir
