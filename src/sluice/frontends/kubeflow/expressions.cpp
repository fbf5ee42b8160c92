#include "sluice/frontends/kubeflow/expressions.hpp"

#include <memory>

namespace sluice::frontends::kubeflow {
namespace {

using syntax::Expression;
using Kind = Expression::Kind;

std::shared_ptr<Expression> made(Kind kind, std::vector<ExpressionPtr> args, Location at) {
  auto expression = std::make_shared<Expression>();
  expression->kind = kind;
  expression->args = std::move(args);
  expression->at = at;
  return expression;
}

bool is_literal(const ExpressionPtr& expression) { return expression->kind == Kind::literal; }

}  // namespace

ExpressionPtr literal(Value value, Location at) { return Expression::of(std::move(value), at); }

ExpressionPtr name(std::string_view root, Location at) {
  auto expression = made(Kind::name, {}, at);
  expression->text = root;
  return expression;
}

ExpressionPtr field(ExpressionPtr base, std::string_view name) {
  const auto at = base->at;
  auto expression = made(Kind::field, {std::move(base)}, at);
  expression->text = name;
  return expression;
}

ExpressionPtr field(std::string_view root, std::string_view name, Location at) {
  return field(kubeflow::name(root, at), name);
}

ExpressionPtr call(std::string_view function, std::vector<ExpressionPtr> args, Location at) {
  auto expression = made(Kind::call, std::move(args), at);
  expression->text = function;
  return expression;
}

ExpressionPtr operation(syntax::Operator op, std::vector<ExpressionPtr> args, Location at) {
  auto expression = made(Kind::operation, std::move(args), at);
  expression->op = op;
  return expression;
}

ExpressionPtr list(std::vector<ExpressionPtr> items, Location at) {
  return made(Kind::list, std::move(items), at);
}

ExpressionPtr joined(std::vector<ExpressionPtr> given, Location at) {
  // A text in a text is written as its pieces.
  std::vector<ExpressionPtr> pieces;
  for (auto& piece : given)
    if (piece->kind == Kind::text)
      pieces.insert(pieces.end(), piece->args.begin(), piece->args.end());
    else
      pieces.push_back(std::move(piece));
  if (pieces.empty()) return literal("", at);
  if (pieces.size() > 1) return made(Kind::text, std::move(pieces), at);
  if (is_literal(pieces.front()) && pieces.front()->literal.is_string()) return pieces.front();
  return call("text", std::move(pieces), at);
}

ExpressionPtr absent(Location at) { return call("get", {structure({}, at), literal("", at)}, at); }

ExpressionPtr structure(Fields fields, Location at) {
  auto expression = made(Kind::structure, {}, at);
  for (auto& [key, value] : fields) {
    expression->keys.push_back(std::move(key));
    expression->args.push_back(std::move(value));
  }
  return expression;
}

}  // namespace sluice::frontends::kubeflow
