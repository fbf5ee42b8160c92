#pragma once
// Private to this module.
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "sluice/frontends/kubeflow/arguments.hpp"
#include "sluice/frontends/kubeflow/spec.hpp"
#include "sluice/ir/frontend.hpp"

namespace sluice::frontends::kubeflow {

/// Makes a plan of a specification: each DAG becomes a pipeline, a task that holds one a call of it.
class Lowering {
 public:
  Lowering(const Spec& spec, const ir::LoweringOptions& options, ir::Problems& problems,
           ir::Problems& warnings);
  std::vector<ir::Pipeline> run();

 private:
  ir::Pipeline pipeline(const Component& component);
  ir::Operation task(const Component& dag, const Task& task);
  /// Reports what the task names and is not there.
  const Component* component_of(const Task& task);
  void waiting(const Component& dag, const Task& task, ir::Operation& operation);
  ir::Operation loop(const Component& dag, const Task& task, const Component& of);
  /// What the task does, once.
  void work(const Component& dag, const Task& task, const Component& of, const TaskArguments& arguments,
            ir::Operation& operation);
  void call(const Task& task, const Component& of, const TaskArguments& arguments, ir::Operation& operation);
  ExpressionPtr output(const Component& component, const DagOutput& output);
  void import_artifact(const Task& task, const Component& of, const Importer& importer,
                       const TaskArguments& arguments, ir::Operation& operation);
  void find_loops();
  void refuse_cycles();

  const Spec& spec_;
  const ir::LoweringOptions& options_;
  ir::Problems& problems_;
  ir::Problems& warnings_;
  std::vector<const Component*> wanted_;  ///< DAGs that are called
  std::set<const Component*> known_;
  /// The inputs of components that hold the items of a loop: its iterations do not get them.
  std::unordered_map<std::string_view, std::set<std::string>> only_items_;
};

/// A task that runs a program (container_task.cpp).
void lower_container(const Task& task, const Component& of, const Container& container,
                     const TaskArguments& arguments, const ir::LoweringOptions& options,
                     ir::Operation& operation, ir::Problems& problems, ir::Problems& warnings);

/// The type of a plan.
ir::Type type_of(ParameterType type);
ir::Type type_of(const ArtifactSlot& artifact);

}  // namespace sluice::frontends::kubeflow
