#include "sluice/frontends/kubeflow/lowering.hpp"

#include <algorithm>

#include "sluice/frontends/kubeflow/conditions.hpp"
#include "sluice/frontends/kubeflow/suggestion.hpp"

namespace sluice::frontends::kubeflow {

ir::Type type_of(ParameterType type) {
  using Kind = ir::Type::Kind;
  const auto plain = [](Kind kind) {
    return ir::Type{.kind = kind, .element = nullptr, .artifact_kind = "any"};
  };
  switch (type) {
    case ParameterType::number: return plain(Kind::number);
    case ParameterType::integer: return plain(Kind::integer);
    case ParameterType::string: return plain(Kind::string);
    case ParameterType::boolean: return plain(Kind::boolean);
    case ParameterType::list: return plain(Kind::list);
    case ParameterType::structure:
    case ParameterType::final_status: return plain(Kind::structure);
  }
  return {};
}

ir::Type type_of(const ArtifactSlot& artifact) {
  ir::Type type{.kind = ir::Type::Kind::artifact, .element = nullptr, .artifact_kind = artifact.kind};
  if (!artifact.list) return type;
  ir::Type made{.kind = ir::Type::Kind::list, .element = nullptr, .artifact_kind = "any"};
  made.element = std::make_shared<const ir::Type>(std::move(type));
  return made;
}

Lowering::Lowering(const Spec& spec, const ir::LoweringOptions& options, ir::Problems& problems,
                   ir::Problems& warnings)
    : spec_(spec), options_(options), problems_(problems), warnings_(warnings) {}

std::vector<ir::Pipeline> Lowering::run() {
  std::vector<ir::Pipeline> made;
  if (spec_.components.empty()) return made;
  find_loops();
  refuse_cycles();
  wanted_.push_back(&spec_.root());
  known_.insert(&spec_.root());
  if (!spec_.root().dag) {
    problems_.add(spec_.root().at, "`root` should be a `dag`");
    return made;
  }
  for (std::size_t i = 0; i < wanted_.size(); ++i) made.push_back(pipeline(*wanted_[i]));
  return made;
}

/// The lists of loops, which their iterations do not read themselves: as arguments of each, they would be
/// stored as often as they have items.
void Lowering::find_loops() {
  const auto reads = [](const Component& component, const std::string& input) {
    const auto names = [&](const Argument& argument) {
      return argument.source == Argument::Source::component_input && argument.key == input;
    };
    return component.dag && std::ranges::any_of(component.dag->tasks, [&](const Task& task) {
             return std::ranges::any_of(task.parameters, names) || std::ranges::any_of(task.artifacts, names);
           });
  };
  for (const auto& component : spec_.components) {
    if (!component.dag) continue;
    for (const auto& task : component.dag->tasks) {
      if (!task.iterator || task.iterator->items_input.empty()) continue;
      const auto* of = spec_.component(task.component);
      if (of == nullptr || !reads(*of, task.iterator->items_input))
        only_items_[task.component].insert(task.iterator->items_input);
    }
  }
}

/// Components that contain themselves: reported once, and by the verifier not again, since nothing calls them
/// then.
void Lowering::refuse_cycles() {
  enum class State { unseen, open, done };
  std::vector<State> states(spec_.components.size(), State::unseen);
  struct Step {
    std::size_t component;
    std::size_t next = 0;
  };
  for (std::size_t start = 0; start < spec_.components.size(); ++start) {
    std::vector<Step> path;
    if (states[start] == State::unseen) path.push_back({.component = start});
    while (!path.empty()) {
      auto& step = path.back();
      states[step.component] = State::open;
      const auto& component = spec_.components[step.component];
      if (!component.dag || step.next == component.dag->tasks.size()) {
        states[step.component] = State::done;
        path.pop_back();
        continue;
      }
      const auto& task = component.dag->tasks[step.next++];
      const auto inner = spec_.component_index.find(task.component);
      if (inner == spec_.component_index.end()) continue;
      if (states[inner->second] == State::open)
        problems_.add(task.component_at, "component `" + task.component + "` contains itself");
      else if (states[inner->second] == State::unseen)
        path.push_back({.component = inner->second});
    }
  }
}

ir::Pipeline Lowering::pipeline(const Component& component) {
  ir::Pipeline made;
  made.name = component.name;
  made.at = component.at;
  made.body.at = component.at;
  const auto only_items = only_items_.find(component.name);
  const auto is_only_items = [&](const std::string& input) {
    return only_items != only_items_.end() && only_items->second.contains(input);
  };
  for (const auto& parameter : component.inputs.parameters) {
    ir::Input input{.name = parameter.name,
                    .at = parameter.at,
                    .type = type_of(parameter.type),
                    .optional = false,
                    .value = {}};
    if (parameter.fallback && !parameter.fallback->is_null())
      input.value = *parameter.fallback;
    else
      input.optional = parameter.optional || is_only_items(parameter.name);
    made.inputs.push_back(std::move(input));
  }
  for (const auto& artifact : component.inputs.artifacts)
    made.inputs.push_back({.name = artifact.name,
                           .at = artifact.at,
                           .type = type_of(artifact),
                           .optional = artifact.optional || is_only_items(artifact.name),
                           .value = {}});
  made.body.operations.reserve(component.dag->tasks.size());
  for (const auto& one : component.dag->tasks) made.body.operations.push_back(task(component, one));
  for (const auto& one : component.dag->outputs)
    made.outputs.push_back({.name = one.name, .at = one.at, .value = output(component, one), .type = {}});
  return made;
}

/// Of several the one that is there: only one arm of a condition runs.
ExpressionPtr Lowering::output(const Component& component, const DagOutput& output) {
  std::vector<ExpressionPtr> values;
  for (const auto& selector : output.from) {
    if (component.dag->find(selector.producer) == nullptr) {
      problems_.add(selector.at, "output `" + output.name + "` is of the unknown task `" + selector.producer +
                                     "`" + suggest(problems_, selector.producer, component.dag->tasks));
      continue;
    }
    auto value = field(selector.producer, selector.key, selector.at);
    const auto lists = lists_around(spec_, *component.dag, selector.producer, selector.key);
    // What a caller reads is flat, too; inside a loop it is made flat there.
    if (lists > 1 && &component == &spec_.root())
      value = kubeflow::call("flatten", {value, literal(static_cast<std::int64_t>(lists - 1), selector.at)},
                             selector.at);
    values.push_back(std::move(value));
  }
  if (values.empty()) return absent(output.at);
  return values.size() == 1 ? values.front() : kubeflow::call("first", std::move(values), output.at);
}

const Component* Lowering::component_of(const Task& task) {
  const auto* found = spec_.component(task.component);
  if (found != nullptr || task.component.empty()) return found;
  problems_.add(task.component_at, "task `" + task.name + "` is of the component `" + task.component +
                                       "`, which is not there" +
                                       suggest(problems_, task.component, spec_.components));
  return nullptr;
}

ir::Operation Lowering::task(const Component& dag, const Task& task) {
  ir::Operation made;
  made.name = task.name;
  made.at = task.at;
  made.what = ir::Block{};
  const auto* of = component_of(task);
  if (of == nullptr) return made;
  if (task.iterator) {
    made = loop(dag, task, *of);
  } else {
    const TaskArguments arguments(spec_, dag, task, *of, problems_);
    arguments.check();
    work(dag, task, *of, arguments, made);
  }
  waiting(dag, task, made);
  return made;
}

/// After what and on which condition it starts.
void Lowering::waiting(const Component& dag, const Task& task, ir::Operation& operation) {
  std::set<std::string_view> after;
  const auto add = [&](const std::string& name, Location at) {
    if (dag.dag->find(name) != nullptr && after.insert(name).second) operation.after.emplace_back(name, at);
  };
  for (const auto& [name, at] : task.dependencies) {
    add(name, at);
    if (dag.dag->find(name) != nullptr) continue;
    problems_.add(at, "task `" + task.name + "` waits for the unknown task `" + name + "`" +
                          suggest(problems_, name, dag.dag->tasks));
  }
  for (const auto* arguments : {&task.parameters, &task.artifacts})
    for (const auto& argument : *arguments)
      if (!argument.producer.empty()) add(argument.producer, argument.at);
  if (task.runs_after_failure) operation.trigger = ir::Trigger::completed;
  if (task.condition.empty()) return;
  const auto* of = spec_.component(task.component);
  if (of == nullptr) return;
  const TaskArguments arguments(spec_, dag, task, *of, problems_);
  operation.condition = condition(
      task.condition, task.condition_at,
      [&](std::string_view name, Location at) -> std::optional<Typed> {
        auto found = arguments.parameter_or_default(name);
        if (!found)
          problems_.add(at, "the condition of task `" + task.name + "` reads `" + std::string(name) +
                                "`, which is not an argument of it");
        return found;
      },
      problems_);
}

ir::Operation Lowering::loop(const Component& dag, const Task& task, const Component& of) {
  ir::Operation made;
  made.name = task.name;
  made.at = task.at;
  const auto& iterator = *task.iterator;
  const TaskArguments outside(spec_, dag, task, of, problems_);
  ir::Each each;
  each.as = iterator.item;
  std::optional<ParameterType> item_type;
  if (iterator.items) {
    each.items = literal(Value(*iterator.items), iterator.at);
  } else if (iterator.of_artifacts) {
    each.items = outside.artifact(iterator.items_input);
  } else if (const auto items = outside.parameter(iterator.items_input)) {
    // A list as text is a list, too.
    each.items = items->type == ParameterType::list ? items->value
                                                    : kubeflow::call("parse", {items->value}, iterator.at);
  }
  if (!each.items) {
    problems_.add(iterator.at, "the loop of task `" + task.name + "` is over `" + iterator.items_input +
                                   "`, which is not an argument of it");
    each.items = literal(Value(List()), iterator.at);
  }
  if (iterator.parallelism > 0) each.limit = literal(iterator.parallelism, iterator.at);
  // The name must be another one than those around it.
  auto inner_name = task.component;
  while (dag.dag->find(inner_name) != nullptr || inner_name == each.as) inner_name += "-iteration";
  each.region = std::make_unique<ir::Region>();
  each.region->at = task.at;
  TaskArguments inside(spec_, dag, task, of, problems_);
  inside.set_item(iterator.item, name(iterator.item, iterator.at), item_type);
  inside.check();
  ir::Operation inner;
  inner.name = inner_name;
  inner.at = task.at;
  work(dag, task, of, inside, inner);
  each.region->operations.push_back(std::move(inner));
  for (const auto& parameter : of.outputs.parameters)
    made.yield.emplace_back(parameter.name, field(inner_name, parameter.name, parameter.at));
  for (const auto& artifact : of.outputs.artifacts)
    made.yield.emplace_back(artifact.name, field(inner_name, artifact.name, artifact.at));
  made.what = std::move(each);
  return made;
}

void Lowering::work(const Component&, const Task& task, const Component& of, const TaskArguments& arguments,
                    ir::Operation& operation) {
  if (of.dag) {
    if (task.retry && task.retry->count > 0)
      problems_.add(task.retry->at,
                    "task `" + task.name +
                        "` is a pipeline or a group, which is not retried; set the retries on its tasks");
    call(task, of, arguments, operation);
    return;
  }
  operation.what = ir::Block{};
  const auto* executor = spec_.executor(of.executor);
  if (executor == nullptr) {
    if (!of.executor.empty())
      problems_.add(of.executor_at, "component `" + of.name + "` needs the executor `" + of.executor +
                                        "`, which is not there" +
                                        suggest(problems_, of.executor, spec_.executors));
    return;
  }
  if (const auto* container = std::get_if<Container>(&executor->what))
    lower_container(task, of, *container, arguments, options_, operation, problems_, warnings_);
  else
    import_artifact(task, of, std::get<Importer>(executor->what), arguments, operation);
}

void Lowering::call(const Task& task, const Component& of, const TaskArguments& arguments,
                    ir::Operation& operation) {
  if (known_.insert(&of).second) wanted_.push_back(&of);
  const auto only_items = only_items_.find(of.name);
  const auto is_items = [&](const std::string& input) {
    return task.iterator && input == task.iterator->items_input && only_items != only_items_.end() &&
           only_items->second.contains(input);
  };
  ir::PipelineCall made{.pipeline = of.name, .with = {}};
  for (const auto& input : of.inputs.parameters)
    if (!is_items(input.name))
      if (const auto value = arguments.parameter(input.name))
        made.with.emplace_back(input.name, value->may_be_absent
                                               ? kubeflow::call("first", {value->value}, value->value->at)
                                               : value->value);
  for (const auto& input : of.inputs.artifacts)
    if (!is_items(input.name))
      if (auto value = arguments.artifact(input.name)) made.with.emplace_back(input.name, std::move(value));
  operation.what = std::move(made);
}

}  // namespace sluice::frontends::kubeflow
