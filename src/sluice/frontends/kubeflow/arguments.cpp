#include "sluice/frontends/kubeflow/arguments.hpp"

#include <algorithm>

#include "sluice/base/json.hpp"
#include "sluice/base/words.hpp"
#include "sluice/frontends/kubeflow/conditions.hpp"
#include "sluice/frontends/kubeflow/map_reader.hpp"
#include "sluice/frontends/kubeflow/suggestion.hpp"

namespace sluice::frontends::kubeflow {
namespace {

/// What the compiler adds to the arguments of a task, so that others can name it.
constexpr std::string_view channel = "pipelinechannel--";
constexpr int nested_max = 20;

std::optional<ParameterType> type_of(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::boolean: return ParameterType::boolean;
    case Value::Kind::integer: return ParameterType::integer;
    case Value::Kind::number: return ParameterType::number;
    case Value::Kind::string: return ParameterType::string;
    case Value::Kind::list: return ParameterType::list;
    case Value::Kind::structure: return ParameterType::structure;
    default: return std::nullopt;
  }
}

bool fits(ParameterType given, ParameterType wanted) {
  const auto is_number = [](ParameterType type) {
    return type == ParameterType::number || type == ParameterType::integer;
  };
  const auto is_structure = [](ParameterType type) {
    return type == ParameterType::structure || type == ParameterType::final_status;
  };
  return given == wanted || (is_number(given) && is_number(wanted)) ||
         (is_structure(given) && is_structure(wanted));
}

/// Of constants: other arguments of the task, and what is known of the run.
class ConstantPlaceholders final : public Placeholders {
 public:
  ConstantPlaceholders(const TaskArguments& arguments, const Task& task, Location at)
      : arguments_(arguments), task_(task), at_(at) {}
  [[nodiscard]] std::optional<Typed> parameter(std::string_view name) const override {
    return arguments_.parameter(name);
  }
  [[nodiscard]] ExpressionPtr input_artifact(std::string_view) const override { return nullptr; }
  [[nodiscard]] ExpressionPtr output_artifact(std::string_view) const override { return nullptr; }
  [[nodiscard]] ExpressionPtr output_parameter(std::string_view) const override { return nullptr; }
  [[nodiscard]] ExpressionPtr executor_input() const override { return nullptr; }
  [[nodiscard]] ExpressionPtr executor_output() const override {
    return arguments_.runs_program() ? field("out", executor_output_name, at_) : nullptr;
  }
  [[nodiscard]] ExpressionPtr about_run(std::string_view what) const override {
    return kubeflow::about_run(arguments_.spec(), what, task_, at_);
  }

 private:
  const TaskArguments& arguments_;
  const Task& task_;
  Location at_;
};

}  // namespace

ExpressionPtr about_run(const Spec& spec, std::string_view what, const Task& task, Location at) {
  const auto run = [at](std::string_view name) { return field("run", name, at); };
  const auto text = [at](std::vector<ExpressionPtr> pieces) { return joined(std::move(pieces), at); };
  // The back end writes times without fractions of a second.
  const auto in_seconds = [&](std::string_view name) {
    auto pieces = call("split", {run(name), literal(".", at)}, at);
    return text({call("get", {std::move(pieces), literal(std::int64_t{0}, at)}, at), literal("Z", at)});
  };
  if (what == "pipeline_job_name") return run("name");
  if (what == "pipeline_job_resource_name" || what == "pipeline_job_uuid") return run("id");
  if (what == "pipeline_job_create_time_utc") return in_seconds("created");
  if (what == "pipeline_job_schedule_time_utc") return in_seconds("scheduled");
  if (what == "pipeline_task_name") return literal(task.name, at);
  if (what == "pipeline_task_uuid") {
    // The run's id, and the path of the task, which is unique in it.
    const auto is_outermost = operation(syntax::Operator::equal, {run("path"), literal("", at)}, at);
    const auto around =
        call("if", {is_outermost, literal("", at), text({run("path"), literal("/", at)})}, at);
    return text({run("id"), literal("/", at), around, literal(percent_encode(task.name), at)});
  }
  if (what == "pipeline_root")
    return spec.pipeline_root.empty()
               ? run("folder")
               : text({literal(spec.pipeline_root + "/" + spec.name + "/", at), run("id")});
  if (what == "workspace_path" && spec.has_workspace) return run("folder");
  return nullptr;
}

std::size_t lists_around(const Spec& spec, const Dag& dag, std::string_view producer, std::string_view key) {
  std::size_t lists = 0;
  const auto* in = &dag;
  // Bounded by the components: one that contains itself has been refused.
  for (std::size_t depth = 0; depth <= spec.components.size(); ++depth) {
    const auto* task = in->find(producer);
    if (task == nullptr) break;
    if (task->iterator) ++lists;
    const auto* component = spec.component(task->component);
    if (component == nullptr || !component->dag) break;
    const auto output = std::ranges::find(component->dag->outputs, key, &DagOutput::name);
    if (output == component->dag->outputs.end() || output->from.empty()) break;
    in = &*component->dag;
    producer = output->from.front().producer;
    key = output->from.front().key;
  }
  return lists;
}

void TaskArguments::set_item(std::string name, ExpressionPtr value, std::optional<ParameterType> type) {
  item_ = std::move(name);
  item_value_ = {.value = std::move(value), .type = type, .may_be_absent = false};
}

std::optional<Typed> TaskArguments::parameter(std::string_view name) const {
  const auto* declared = of_.inputs.parameter(name);
  std::optional<Typed> value;
  Location at = task_.at;
  if (!item_.empty() && name == item_) {
    value = item_value_;
  } else {
    const auto found = std::ranges::find(task_.parameters, name, &Argument::name);
    if (found == task_.parameters.end()) return std::nullopt;
    at = found->at;
    value = value_of(*found);
  }
  return declared != nullptr ? as_declared(std::move(*value), *declared, at) : value;
}

std::optional<Typed> TaskArguments::parameter_or_default(std::string_view name) const {
  auto given = parameter(name);
  const auto* declared = of_.inputs.parameter(name);
  if (declared == nullptr || !declared->fallback || declared->fallback->is_null()) return given;
  const auto fallback = literal(*declared->fallback, declared->at);
  if (!given) return Typed{.value = fallback, .type = declared->type, .may_be_absent = false};
  if (!given->may_be_absent) return given;
  return Typed{.value = call("default", {given->value, fallback}, given->value->at),
               .type = declared->type,
               .may_be_absent = false};
}

Typed TaskArguments::value_of(const Argument& argument) const {
  if (++depth_ > nested_max) {
    --depth_;
    problems_.add(argument.at, "`" + argument.name + "` of task `" + task_.name + "` is made of itself");
    return {.value = literal("", argument.at), .type = std::nullopt, .may_be_absent = false};
  }
  Typed made;
  switch (argument.source) {
    case Argument::Source::task_output: made = output_of(argument); break;
    case Argument::Source::constant: made = constant(argument); break;
    case Argument::Source::final_status: made = final_status(argument); break;
    case Argument::Source::component_input: {
      const auto* input = dag_.inputs.parameter(argument.key);
      if (input == nullptr) {
        problems_.add(argument.at,
                      "`" + argument.key + "` is not an input of " +
                          (dag_.name == "main" ? "the pipeline" : "component `" + dag_.name + "`") +
                          suggest(problems_, argument.key, dag_.inputs.parameters));
        made = {.value = literal("", argument.at), .type = std::nullopt, .may_be_absent = false};
        break;
      }
      made = {.value = field("inputs", input->name, argument.at),
              .type = input->type,
              .may_be_absent = input->optional && (!input->fallback || input->fallback->is_null())};
    }
  }
  --depth_;
  if (!argument.selector.empty()) {
    made.value = selected(argument.selector, argument.selector_at, made.value, problems_);
    made.type = std::nullopt;
  }
  return made;
}

const Component* TaskArguments::component_of(const Argument& argument) const {
  const auto* producer = dag_.dag->find(argument.producer);
  if (producer == nullptr) {
    problems_.add(argument.at, "unknown task `" + argument.producer + "`" +
                                   suggest(problems_, argument.producer, dag_.dag->tasks));
    return nullptr;
  }
  return spec_.component(producer->component);
}

Typed TaskArguments::output_of(const Argument& argument) const {
  Typed made{.value = field(argument.producer, argument.key, argument.at),
             .type = std::nullopt,
             .may_be_absent = task_.runs_after_failure};
  const auto* component = component_of(argument);
  if (component == nullptr) {  // which was reported
    made.value = literal("", argument.at);
    return made;
  }
  const auto* output = component->outputs.parameter(argument.key);
  if (output == nullptr && component->outputs.artifact(argument.key) == nullptr) {
    const auto& outputs = component->outputs;
    auto hint = suggest(problems_, argument.key, outputs.parameters);
    if (hint.empty()) hint = suggest(problems_, argument.key, outputs.artifacts);
    problems_.add(argument.at,
                  "task `" + argument.producer + "` has no output `" + argument.key + "`" + hint);
    made.value = literal("", argument.at);
    return made;
  }
  const auto lists = lists_around(spec_, *dag_.dag, argument.producer, argument.key);
  if (lists > 1)
    made.value = call("flatten", {made.value, literal(static_cast<std::int64_t>(lists - 1), argument.at)},
                      argument.at);
  if (output != nullptr) made.type = lists > 0 ? ParameterType::list : output->type;
  return made;
}

Typed TaskArguments::constant(const Argument& argument) const {
  const auto* declared = of_.inputs.parameter(argument.name);
  const bool keeps = declared != nullptr && declared->type == ParameterType::number;
  const auto value = keeps ? argument.constant : with_integers(argument.constant);
  const ConstantPlaceholders placeholders(*this, task_, argument.at);
  if (const auto* text = value.if_string())
    return filled_in(Text{.text = *text, .at = argument.at}, placeholders, problems_);
  return {.value = filled_in(value, argument.at, placeholders, problems_),
          .type = type_of(value),
          .may_be_absent = false};
}

Typed TaskArguments::final_status(const Argument& argument) const {
  const auto at = argument.at;
  static_cast<void>(component_of(argument));
  const auto producer = name(argument.producer, at);
  const auto status = call("status", {producer}, at);
  const auto error = call("error", {producer}, at);
  Struct states;
  states.set("succeeded", "SUCCEEDED");
  states.set("failed", "FAILED");
  states.set("blocked", "FAILED");
  states.set("skipped", "SKIPPED");
  states.set("cancelled", "CANCELED");
  auto made =
      structure({{"state", call("get", {literal(std::move(states), at), status}, at)},
                 {"pipelineTaskName", literal(argument.producer, at)},
                 {"pipelineJobResourceName", field("run", "name", at)},
                 {"error", structure({{"message", call("get", {error, literal("message", at)}, at)}}, at)}},
                at);
  return {.value = std::move(made), .type = ParameterType::final_status, .may_be_absent = false};
}

Typed TaskArguments::as_declared(Typed value, const Parameter& declared, Location at) const {
  if (value.type && declared.type != ParameterType::string && !fits(*value.type, declared.type)) {
    problems_.add(at, "`" + declared.name + "` of task `" + task_.name + "` should be " +
                          std::string(name_of(declared.type)) + ", not " + std::string(name_of(*value.type)));
    return value;
  }
  if (declared.type == ParameterType::string && value.type != ParameterType::string)
    value.value = call("text", {value.value}, at);
  const auto* constant =
      value.value->kind == syntax::Expression::Kind::literal ? &value.value->literal : nullptr;
  if (!declared.literals.empty() && constant != nullptr &&
      std::ranges::find(declared.literals, *constant) == declared.literals.end())
    problems_.add(at, "`" + declared.name + "` of task `" + task_.name + "` should be one of " +
                          to_json(Value(declared.literals)).substr(0, 200));
  value.type = declared.type;
  return value;
}

ExpressionPtr TaskArguments::artifact(std::string_view name) const {
  if (!item_.empty() && name == item_) return item_value_.value;
  const auto found = std::ranges::find(task_.artifacts, name, &Argument::name);
  if (found == task_.artifacts.end()) return nullptr;
  if (found->source == Argument::Source::task_output) {
    const auto value = output_of(*found).value;
    return task_.runs_after_failure ? call("first", {value}, found->at) : value;
  }
  if (dag_.inputs.artifact(found->key) == nullptr) {
    problems_.add(found->at, "`" + found->key + "` is not an input artifact of component `" + dag_.name +
                                 "`" + suggest(problems_, found->key, dag_.inputs.artifacts));
  }
  return field("inputs", found->key, found->at);
}

void TaskArguments::check() const {
  const auto unknown = [&](const Argument& argument, const auto& inputs) {
    if (argument.name.starts_with(channel)) return;
    if (std::ranges::any_of(inputs, [&](const auto& input) { return input.name == argument.name; })) return;
    problems_.add(argument.at, "component `" + of_.name + "` of task `" + task_.name + "` has no input `" +
                                   argument.name + "`" + suggest(problems_, argument.name, inputs));
  };
  for (const auto& argument : task_.parameters) unknown(argument, of_.inputs.parameters);
  for (const auto& argument : task_.artifacts) unknown(argument, of_.inputs.artifacts);
  const auto lacks = [&](const std::string& input) {
    problems_.add(task_.at, "task `" + task_.name + "` lacks the input `" + input + "` of component `" +
                                of_.name + "`");
  };
  for (const auto& input : of_.inputs.parameters)
    if (!input.optional && !input.fallback && input.name != item_ &&
        std::ranges::find(task_.parameters, input.name, &Argument::name) == task_.parameters.end())
      lacks(input.name);
  for (const auto& input : of_.inputs.artifacts)
    if (!input.optional && input.name != item_ &&
        std::ranges::find(task_.artifacts, input.name, &Argument::name) == task_.artifacts.end())
      lacks(input.name);
}

}  // namespace sluice::frontends::kubeflow
