#pragma once
// Private to this module.
#include <string_view>

#include "sluice/frontends/kubeflow/placeholders.hpp"
#include "sluice/frontends/kubeflow/spec.hpp"
#include "sluice/frontends/kubeflow/typed.hpp"
#include "sluice/ir/problems.hpp"

namespace sluice::frontends::kubeflow {

/// The file in which an SDK writes all that it returns. No output of a component can have this name.
inline constexpr std::string_view executor_output_name = "executor_output.json";

/// How many lists are around an output of a task of the DAG: one for each loop. The back end makes one list
/// of them all.
std::size_t lists_around(const Spec& spec, const Dag& dag, std::string_view producer, std::string_view key);

/// The key in the metadata of an artifact that was imported into the workspace, of its path there.
inline constexpr std::string_view place_in_workspace = "_kfp_workspace";

/// `pipeline_job_name` and its like; null: not known here.
ExpressionPtr about_run(const Spec& spec, std::string_view what, const Task& task, Location at);

/// The task of a DAG: what its arguments are there.
class TaskArguments {
 public:
  /// All must outlive it. `of` is the component of the task.
  TaskArguments(const Spec& spec, const Component& dag, const Task& task, const Component& of,
                ir::Problems& problems)
      : spec_(spec), dag_(dag), task_(task), of_(of), problems_(problems) {}

  /// What an iteration of the task has instead of an argument.
  void set_item(std::string name, ExpressionPtr value, std::optional<ParameterType> type);

  /// The argument, in the type of the component's input if it has one; nullopt: none is given. A problem is
  /// reported each time.
  [[nodiscard]] std::optional<Typed> parameter(std::string_view name) const;
  /// The same, or else the default of the input, where it is a value.
  [[nodiscard]] std::optional<Typed> parameter_or_default(std::string_view name) const;
  /// Null: none is given.
  [[nodiscard]] ExpressionPtr artifact(std::string_view name) const;

  [[nodiscard]] const Spec& spec() const { return spec_; }
  /// Whether the task is a program, not a DAG.
  [[nodiscard]] bool runs_program() const { return !of_.dag; }

  /// Reports arguments that the component does not take, and those that it lacks.
  void check() const;

 private:
  [[nodiscard]] Typed value_of(const Argument& argument) const;
  [[nodiscard]] Typed output_of(const Argument& argument) const;
  [[nodiscard]] Typed constant(const Argument& argument) const;
  [[nodiscard]] Typed final_status(const Argument& argument) const;
  [[nodiscard]] Typed as_declared(Typed value, const Parameter& declared, Location at) const;
  [[nodiscard]] const Component* component_of(const Argument& argument) const;

  const Spec& spec_;
  const Component& dag_;
  const Task& task_;
  const Component& of_;
  ir::Problems& problems_;
  std::string item_;
  Typed item_value_;
  mutable int depth_ = 0;  ///< of constants that name other arguments
};

}  // namespace sluice::frontends::kubeflow
