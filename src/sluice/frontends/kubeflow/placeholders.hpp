#pragma once
// Private to this module: placeholders in the texts of executors and in constants,
// `{{$.inputs.parameters['x']}}`.
#include <string>
#include <string_view>

#include "sluice/base/value.hpp"
#include "sluice/frontends/kubeflow/spec.hpp"
#include "sluice/frontends/kubeflow/typed.hpp"
#include "sluice/ir/problems.hpp"

namespace sluice::frontends::kubeflow {

/// What placeholders stand for in one task. A null result: there is no such thing.
class Placeholders {
 public:
  virtual ~Placeholders() = default;
  [[nodiscard]] virtual std::optional<Typed> parameter(std::string_view name) const = 0;
  [[nodiscard]] virtual ExpressionPtr input_artifact(std::string_view name) const = 0;
  /// Where a program finds such an artifact.
  [[nodiscard]] virtual ExpressionPtr path_of(const ExpressionPtr& input) const;
  [[nodiscard]] virtual ExpressionPtr output_artifact(std::string_view name) const = 0;
  [[nodiscard]] virtual ExpressionPtr output_parameter(std::string_view name) const = 0;
  /// `{{$}}`: all inputs and outputs as JSON; null where there are none.
  [[nodiscard]] virtual ExpressionPtr executor_input() const = 0;
  /// The file in which the SDK writes all that the task returns.
  [[nodiscard]] virtual ExpressionPtr executor_output() const = 0;
  /// `pipeline_job_name` and its like.
  [[nodiscard]] virtual ExpressionPtr about_run(std::string_view what) const = 0;
};

/// The value of a text: of one that is a single placeholder, what that stands for, with its type; else a
/// text.
Typed filled_in(const Text& text, const Placeholders& placeholders, ir::Problems& problems);

/// An argument of a command: always a text, or a list of texts that are several arguments (`{"IfPresent":
/// …}`), or absent.
ExpressionPtr argument(const Text& text, const Placeholders& placeholders, ir::Problems& problems);

/// A value of which texts are filled in, at any depth.
ExpressionPtr filled_in(const Value& value, Location at, const Placeholders& placeholders,
                        ir::Problems& problems);

/// As the back end writes it into a command: of a number without a fraction no `.0`.
ExpressionPtr as_text(const Typed& value);

}  // namespace sluice::frontends::kubeflow
