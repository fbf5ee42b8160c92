#include "sluice/frontends/kubeflow/spec.hpp"

#include <algorithm>

namespace sluice::frontends::kubeflow {
namespace {

template <typename Items, typename Index>
auto* found_in(const Items& items, const Index& index, std::string_view name) {
  const auto found = index.find(name);
  return found == index.end() ? nullptr : &items[found->second];
}

}  // namespace

const Parameter* Interface::parameter(std::string_view name) const {
  const auto found = std::ranges::find(parameters, name, &Parameter::name);
  return found == parameters.end() ? nullptr : &*found;
}

const ArtifactSlot* Interface::artifact(std::string_view name) const {
  const auto found = std::ranges::find(artifacts, name, &ArtifactSlot::name);
  return found == artifacts.end() ? nullptr : &*found;
}

const Task* Dag::find(std::string_view name) const { return found_in(tasks, index, name); }

const Component* Spec::component(std::string_view wanted) const {
  return found_in(components, component_index, wanted);
}

const Executor* Spec::executor(std::string_view wanted) const {
  return found_in(executors, executor_index, wanted);
}

std::string_view name_of(ParameterType type) {
  switch (type) {
    case ParameterType::number: return "NUMBER_DOUBLE";
    case ParameterType::integer: return "NUMBER_INTEGER";
    case ParameterType::string: return "STRING";
    case ParameterType::boolean: return "BOOLEAN";
    case ParameterType::list: return "LIST";
    case ParameterType::structure: return "STRUCT";
    case ParameterType::final_status: return "TASK_FINAL_STATUS";
  }
  return "";
}

}  // namespace sluice::frontends::kubeflow
