#pragma once
// Private to this module: the part of CEL (https://github.com/google/cel-spec) that kfp writes for conditions
// and selectors.
#include <functional>
#include <string>
#include <string_view>

#include "sluice/frontends/kubeflow/spec.hpp"
#include "sluice/frontends/kubeflow/typed.hpp"
#include "sluice/ir/problems.hpp"

namespace sluice::frontends::kubeflow {

/// The argument of the task with this name; nullopt, after it was reported, if there is none.
using FindArgument = std::function<std::optional<Typed>(std::string_view name, Location at)>;

/// The condition as an expression: comparisons, `&&`, `||`, `!`, `int(…)`, `double(…)`, `string(…)`,
/// `parseJson(…)["key"]`, and `inputs.parameter_values['name']`. What it cannot be is a problem, and the
/// result is `true`.
ExpressionPtr condition(std::string_view text, Location at, const FindArgument& find, ir::Problems& problems);

/// `parseJson(string_value)["key"]…` of a value.
ExpressionPtr selected(std::string_view selector, Location at, const ExpressionPtr& value,
                       ir::Problems& problems);

}  // namespace sluice::frontends::kubeflow
