#include <algorithm>
#include <cmath>

#include "sluice/frontends/kubeflow/commands.hpp"
#include "sluice/frontends/kubeflow/lowering.hpp"
#include "sluice/ir/image_reference.hpp"
#include "sluice/ir/python_requirements.hpp"

namespace sluice::frontends::kubeflow {
namespace {

constexpr auto returned = executor_output_name;
constexpr std::string_view schema_version = "0.0.1";

/// What the shell does in a command that kfp writes for a function: its arguments are the source of the
/// function, and those of the module's `executor_main`. The import is made before a task starts. An artifact
/// that the function wrote somewhere else on this machine (a custom path, `dsl.get_uri`) is put where it is
/// expected.
std::string executor_script(std::string_view module) {
  constexpr std::string_view imports = R"(import json
import os
import shutil
import sys
import tempfile
from )";
  constexpr std::string_view rest = R"( import executor_main
path = os.path.join(tempfile.mkdtemp(), "ephemeral_component.py")
with open(path, "w", encoding="utf-8") as file:
    file.write(sys.argv[1])
sys.argv = ["executor_main", "--component_module_path", path, *sys.argv[2:]]
executor_main()
outputs = json.loads(sys.argv[sys.argv.index("--executor_input") + 1])["outputs"]
returned = {}
if os.path.exists(outputs["outputFile"]):
    with open(outputs["outputFile"], encoding="utf-8") as file:
        returned = json.load(file).get("artifacts", {})
for name, expected in outputs["artifacts"].items():
    expected = expected["artifacts"][0]["uri"]
    for made in returned.get(name, {}).get("artifacts", [])[:1]:
        path = made.get("custom_path") or made.get("uri") or expected
        if "://" in path or os.path.exists(expected) or not os.path.exists(path):
            continue
        shutil.copytree(path, expected) if os.path.isdir(path) else shutil.copyfile(path, expected)
)";
  return std::string(imports).append(module).append(rest);
}

/// What a container may name in its command: everything.
class TaskPlaceholders final : public Placeholders {
 public:
  TaskPlaceholders(const Task& task, const Component& of, const TaskArguments& arguments)
      : task_(task), of_(of), arguments_(arguments) {}

  [[nodiscard]] std::optional<Typed> parameter(std::string_view name) const override {
    auto found = arguments_.parameter_or_default(name);
    if (!found && of_.inputs.parameter(name) != nullptr)
      return Typed{.value = absent(task_.at), .type = std::nullopt, .may_be_absent = true};
    return found;
  }
  [[nodiscard]] ExpressionPtr input_artifact(std::string_view name) const override {
    auto found = arguments_.artifact(name);
    return found || of_.inputs.artifact(name) == nullptr ? found : absent(task_.at);
  }
  [[nodiscard]] ExpressionPtr path_of(const ExpressionPtr& input) const override {
    auto stored = Placeholders::path_of(input);
    if (!arguments_.spec().imports_to_workspace) return stored;
    const auto at = input->at;
    const auto place = call("get", {field(input, "metadata"), literal(place_in_workspace, at)}, at);
    return call(
        "if",
        {call("present", {place}, at), joined({field("run", "folder", at), place}, at), std::move(stored)},
        at);
  }
  [[nodiscard]] ExpressionPtr output_artifact(std::string_view name) const override {
    return of_.outputs.artifact(name) != nullptr ? field("out", name, task_.at) : nullptr;
  }
  [[nodiscard]] ExpressionPtr output_parameter(std::string_view name) const override {
    return of_.outputs.parameter(name) != nullptr ? field("out", name, task_.at) : nullptr;
  }
  [[nodiscard]] ExpressionPtr executor_input() const override {
    const auto at = task_.at;
    return call("json.encode", {structure({{"inputs", inputs()}, {"outputs", outputs()}}, at)}, at);
  }
  [[nodiscard]] ExpressionPtr executor_output() const override { return field("out", returned, task_.at); }
  [[nodiscard]] ExpressionPtr about_run(std::string_view what) const override {
    return kubeflow::about_run(arguments_.spec(), what, task_, task_.at);
  }

 private:
  [[nodiscard]] ExpressionPtr inputs() const {
    const auto at = task_.at;
    Fields parameters;
    for (const auto& input : of_.inputs.parameters)
      if (auto value = arguments_.parameter_or_default(input.name))
        parameters.emplace_back(input.name, std::move(value->value));
    Fields artifacts;
    for (const auto& input : of_.inputs.artifacts) {
      auto value = arguments_.artifact(input.name);
      if (!value) continue;
      auto one = input.list ? described_list(value, at) : list({described(value, at)}, at);
      auto wrapped = structure({{"artifacts", std::move(one)}}, at);
      artifacts.emplace_back(
          input.name, input.optional
                          ? call("if", {call("present", {value}, at), std::move(wrapped), absent(at)}, at)
                          : std::move(wrapped));
    }
    return structure({{"parameterValues", structure(std::move(parameters), at)},
                      {"artifacts", structure(std::move(artifacts), at)}},
                     at);
  }

  /// A RuntimeArtifact: its type is the one that it was made with.
  [[nodiscard]] ExpressionPtr described(const ExpressionPtr& artifact, Location at) const {
    const auto kind = field(artifact, "kind");
    const auto is_any = operation(syntax::Operator::equal, {kind, literal("any", at)}, at);
    const auto title = call("if", {is_any, literal("system.Artifact", at), kind}, at);
    return structure(
        {{"name", field(artifact, "name")},
         {"type", structure({{"schemaTitle", title}, {"schemaVersion", literal(schema_version, at)}}, at)},
         {"uri", path_of(artifact)},
         {"metadata", field(artifact, "metadata")}},
        at);
  }
  [[nodiscard]] ExpressionPtr described_list(const ExpressionPtr& artifacts, Location at) const {
    constexpr std::string_view one = "artifact";
    return call("map", {artifacts, name(one, at), described(name(one, at), at)}, at);
  }

  [[nodiscard]] ExpressionPtr outputs() const {
    const auto at = task_.at;
    Fields parameters;
    for (const auto& output : of_.outputs.parameters)
      parameters.emplace_back(output.name, structure({{"outputFile", field("out", output.name, at)}}, at));
    Fields artifacts;
    for (const auto& output : of_.outputs.artifacts) {
      const auto title = output.kind == "any" ? "system.Artifact" : output.kind;
      auto one = structure({{"name", literal(output.name, at)},
                            {"type", structure({{"schemaTitle", literal(title, at)},
                                                {"schemaVersion", literal(schema_version, at)}},
                                               at)},
                            {"uri", field("out", output.name, at)},
                            {"metadata", literal(Value(output.metadata), at)}},
                           at);
      artifacts.emplace_back(output.name, structure({{"artifacts", list({std::move(one)}, at)}}, at));
    }
    return structure({{"parameters", structure(std::move(parameters), at)},
                      {"artifacts", structure(std::move(artifacts), at)},
                      {"outputFile", field("out", returned, at)}},
                     at);
  }

  const Task& task_;
  const Component& of_;
  const TaskArguments& arguments_;
};

/// The files that the program may write, and what the outputs are made of.
void add_outputs(const Task& task, const Component& of, ir::Process& process, ir::Operation& operation) {
  const bool is_function = process.script.has_value();
  const auto at = task.at;
  process.outputs.push_back(
      {.name = std::string(returned), .at = at, .type = type_of(ParameterType::structure), .optional = true});
  const auto all = field("self", returned, at);
  for (const auto& output : of.outputs.parameters) {
    process.outputs.push_back({.name = output.name,
                               .at = output.at,
                               .type = type_of(output.type),
                               .encoding = ir::TaskOutput::Encoding::text,
                               .optional = true});
    const auto value = call("get", {all, literal("parameterValues", at), literal(output.name, at)}, at);
    operation.yield.emplace_back(
        output.name, call("required",
                          {call("first", {value, field("self", output.name, at)}, at),
                           literal("the component did not make its output `" + output.name + "`", at)},
                          at));
  }
  for (const auto& output : of.outputs.artifacts) {
    process.outputs.push_back(
        {.name = output.name, .at = output.at, .type = type_of(output), .any_form = true, .optional = true});
    const auto told = [&](std::string_view key) {
      return call("get",
                  {all, literal("artifacts", at), literal(output.name, at), literal("artifacts", at),
                   literal(std::int64_t{0}, at), literal(key, at)},
                  at);
    };
    // A program may say that its artifact is somewhere else.
    const auto uri = call("default", {told("uri"), literal("", at)}, at);
    const auto is_elsewhere = call("contains", {uri, literal("://", at)}, at);
    const auto stored = call("if", {is_elsewhere, absent(at), field("self", output.name, at)}, at);
    auto properties =
        structure({{"kind", literal(output.kind, at)},
                   {"name", literal(output.name, at)},
                   {"metadata", call("default", {told("metadata"), literal(Value(output.metadata), at)}, at)},
                   {"uri", call("if", {is_elsewhere, uri, literal("not-written:" + output.name, at)}, at)}},
                  at);
    auto made = call("artifact", {stored, std::move(properties)}, at);
    if (!is_function) {
      // It may be anywhere in a container.
      auto lost = call("required",
                       {absent(at), literal("the component sets a custom path of its output `" + output.name +
                                                "`, which only a Python function can do here; write to the "
                                                "path that it is given",
                                            at)},
                       at);
      made = call("if", {call("present", {told("custom_path")}, at), std::move(lost), std::move(made)}, at);
    }
    operation.yield.emplace_back(output.name, std::move(made));
  }
}

void add_resources(const Container& container, ir::Operation& operation, ir::Problems& warnings) {
  const auto& needed = container.resources;
  const auto add = [&](std::string name, Value value) {
    operation.resources.emplace_back(std::move(name), literal(std::move(value), needed.at));
  };
  if (needed.cpu_request || needed.cpu_limit)
    add("cpu", Value(needed.cpu_request ? *needed.cpu_request : *needed.cpu_limit));
  if (needed.memory_limit)
    add("memory", Value(static_cast<std::int64_t>(std::llround(*needed.memory_limit))));
  if (needed.memory_request && !needed.memory_limit)
    warnings.add(needed.at, "a request for memory without a limit reserves nothing here; set a limit");
  if (needed.accelerators > 0) add("gpu", Value(needed.accelerators));
}

/// What an executor may use that knows it.
void add_hints(const Container& container, ir::Operation& operation) {
  auto hints = container.kubernetes;
  const auto& needed = container.resources;
  if (!needed.accelerator.empty()) hints.set("accelerator", needed.accelerator);
  if (needed.memory_request)
    hints.set("memoryRequest", static_cast<std::int64_t>(std::llround(*needed.memory_request)));
  if (needed.cpu_limit) hints.set("cpuLimit", *needed.cpu_limit);
  if (!hints.empty()) operation.hints.set("kubernetes", std::move(hints));
}

void add_retry(const RetryPolicy& policy, ir::Operation& operation) {
  if (policy.count <= 0) return;
  ir::Retry retry;
  retry.limit = literal(policy.count, policy.at);
  retry.backoff_ms = policy.backoff_ms;
  retry.factor = std::max(1.0, policy.factor);
  // What kfp calls the maximum of the pause is, in Argo, that of all attempts together.
  if (policy.backoff_max_ms > 0) retry.within_ms = policy.backoff_max_ms;
  operation.retry.push_back(std::move(retry));
}

/// In an environment of this machine. Returns how many words of the command that makes unnecessary.
std::size_t use_environment(const Task& task, const Container& container, ir::Process& process,
                            ir::Problems& warnings) {
  const auto at = container.image.at;
  ir::Environment environment{.at = at,
                              .python = python_version_of(container.image.text),
                              .requirements = {},
                              .file = {},
                              .without_dependencies = {}};
  const auto installed = installation_of(container.command);
  if (installed) {
    environment.requirements = installed->requirements;
    environment.without_dependencies = installed->without_dependencies;
    for (const auto& index : installed->indexes)
      if (ir::read_requirement(index))
        environment.indexes.push_back(index);
      else
        warnings.add(container.command[2].at, "`" + index.substr(0, 100) + "` of task `" + task.name +
                                                  "` is not an index that is known here, and not used");
  } else if (executor_module(container.command, 0).empty()) {
    process.env.emplace_back("PIP_NO_INDEX", literal("1", at));
  }
  process.environment = std::move(environment);
  return installed ? installed->words : 0;
}

/// An image that is a parameter, whose value the pipeline has to fix; "" after a problem.
Text known_image(const Text& image, const Task& task, const Placeholders& placeholders,
                 ir::Problems& problems) {
  const auto filled = as_text(filled_in(image, placeholders, problems));
  const auto* text =
      filled->kind == syntax::Expression::Kind::literal ? filled->literal.if_string() : nullptr;
  if (text != nullptr) return {.text = *text, .at = image.at};
  problems.add(image.at, "the image of task `" + task.name +
                             "` has to be known before the run: a constant, not an input of the pipeline");
  return {.text = "", .at = image.at};
}

}  // namespace

void lower_container(const Task& task, const Component& of, const Container& given,
                     const TaskArguments& arguments, const ir::LoweringOptions& options,
                     ir::Operation& operation, ir::Problems& problems, ir::Problems& warnings) {
  const TaskPlaceholders placeholders(task, of, arguments);
  std::optional<Container> with_image;
  if (given.image.text.contains("{{$")) {
    with_image = given;
    with_image->image = known_image(given.image, task, placeholders, problems);
  }
  const auto& container = with_image ? *with_image : given;
  ir::Process process;
  const bool on_this_machine =
      !options.only_containers && is_python_image(container.image.text, options.python_images);
  std::size_t first = 0;
  if (on_this_machine) {
    first = use_environment(task, container, process, warnings);
  } else {
    process.image = ir::Image{.at = container.image.at, .reference = container.image.text};
    if (const auto problem = ir::image_problem(container.image.text);
        problem && !container.image.text.empty())
      problems.add(container.image.at, *problem);
  }
  const auto executor = on_this_machine ? executor_module(container.command, first) : std::string_view();
  const bool is_function = !executor.empty();
  if (is_function) {
    process.script = ir::PythonScript{.at = container.image.at, .text = executor_script(executor)};
    process.env.emplace_back("_KFP_RUNTIME", literal("true", container.image.at));
    process.args.push_back(literal(container.command.back().text, container.command.back().at));
    first = container.command.size();
  }
  for (auto i = first; i < container.command.size(); ++i)
    process.argv.push_back(argument(container.command[i], placeholders, problems));
  auto& args = on_this_machine && !is_function ? process.argv : process.args;
  for (const auto& one : container.args) args.push_back(argument(one, placeholders, problems));
  if (on_this_machine && !is_function && process.argv.empty()) {
    problems.add(container.image.at,
                 "task `" + task.name + "` has no command; there is no image here that has one");
    process.argv.push_back(literal("", task.at));
  }
  for (const auto& variable : container.env)
    process.env.emplace_back(variable.name, as_text(filled_in(variable.value, placeholders, problems)));
  for (const auto& secret : container.secrets) {
    Struct named;
    named.set("secret", secret.secret + "." + secret.key);
    if (secret.optional) named.set("optional", true);
    process.env.emplace_back(secret.name, literal(Value(std::move(named)), secret.at));
  }
  add_outputs(task, of, process, operation);
  add_resources(container, operation, warnings);
  add_hints(container, operation);
  if (task.retry) add_retry(*task.retry, operation);
  if (container.deadline_s > 0) operation.timeout = literal(container.deadline_s, task.at);
  operation.cache.enabled = task.caches;
  if (!task.cache_key.empty()) operation.cache.key = literal(task.cache_key, task.at);
  operation.what = std::move(process);
}

}  // namespace sluice::frontends::kubeflow
