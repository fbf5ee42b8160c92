#pragma once
// Private to this module: makes expressions of a plan.
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/syntax/expression.hpp"

namespace sluice::frontends::kubeflow {

using syntax::ExpressionPtr;
using syntax::Location;

ExpressionPtr literal(Value value, Location at);
/// `root.field`.
ExpressionPtr field(std::string_view root, std::string_view name, Location at);
ExpressionPtr field(ExpressionPtr base, std::string_view name);
ExpressionPtr name(std::string_view root, Location at);
ExpressionPtr call(std::string_view function, std::vector<ExpressionPtr> args, Location at);
ExpressionPtr operation(syntax::Operator op, std::vector<ExpressionPtr> args, Location at);
ExpressionPtr list(std::vector<ExpressionPtr> items, Location at);
/// Pieces joined as text; a single one is converted to text.
ExpressionPtr joined(std::vector<ExpressionPtr> pieces, Location at);
/// A value that is always absent.
ExpressionPtr absent(Location at);

using Fields = std::vector<std::pair<std::string, ExpressionPtr>>;
ExpressionPtr structure(Fields fields, Location at);

}  // namespace sluice::frontends::kubeflow
