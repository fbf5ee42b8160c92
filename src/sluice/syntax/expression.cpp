#include "sluice/syntax/expression.hpp"

#include <algorithm>

namespace sluice::syntax {

ExpressionPtr Expression::of(Value literal, Location at) {
  Expression made;
  made.at = at;
  made.literal = std::move(literal);
  return std::make_shared<const Expression>(std::move(made));
}

namespace {

int depth_of(const Value& value) {
  int deepest = 0;
  if (const auto* list = value.if_list())
    for (const auto& v : *list) deepest = std::max(deepest, depth_of(v));
  if (const auto* fields = value.if_struct())
    for (const auto& [k, v] : *fields) deepest = std::max(deepest, depth_of(v));
  return deepest + 1;
}

}  // namespace

int depth_of(const Expression& expression) {
  if (expression.kind == Expression::Kind::literal) return depth_of(expression.literal);
  int deepest = 0;
  for (const auto& arg : expression.args) deepest = std::max(deepest, depth_of(*arg));
  return deepest + 1;
}

const std::string* variable_of_map(const Expression& expression) {
  const bool is_map =
      expression.kind == Expression::Kind::call && expression.text == "map" && expression.args.size() == 3;
  return is_map && expression.args[1]->kind == Expression::Kind::name ? &expression.args[1]->text : nullptr;
}

void visit_references(
    const Expression& expression,
    const std::function<void(std::string_view root, const std::vector<std::string_view>& fields,
                             Location at)>& visit) {
  std::vector<std::string_view> fields;
  const auto* e = &expression;
  while (e->kind == Expression::Kind::field) {
    fields.emplace_back(e->text);
    e = e->args.front().get();
  }
  if (e->kind == Expression::Kind::name) {
    std::ranges::reverse(fields);
    visit(e->text, fields, e->at);
    return;
  }
  if (const auto* variable = variable_of_map(*e)) {
    visit_references(*e->args[0], visit);
    visit_references(*e->args[2], [&](std::string_view root, const auto& names, Location at) {
      if (root != *variable) visit(root, names, at);
    });
    return;
  }
  for (const auto& arg : e->args) visit_references(*arg, visit);
}

}  // namespace sluice::syntax
