#include "sluice/frontends/kubeflow/spec_reader.hpp"

#include <array>

#include "sluice/base/json.hpp"

namespace sluice::frontends::kubeflow {
namespace {

std::string named(std::string_view what, const std::string& name) {
  return std::string(what) + " `" + name + "`";
}

/// What kfp writes, and the major version of it.
constexpr std::string_view schema_major = "2.";

}  // namespace

Spec SpecReader::read(const Node& document, const Node* platform) {
  Spec spec;
  spec.at = document.at;
  MapReader map(&document, "the pipeline", problems_);
  MapReader info(map.any("pipelineInfo"), "`pipelineInfo`", problems_);
  spec.name = info.text("name");
  spec.title = info.text("displayName");
  spec.description = info.text("description");
  info.end();
  if (const auto version = map.text("schemaVersion"); !version.starts_with(schema_major))
    problems_.add(map.place("schemaVersion"),
                  version.empty()
                      ? "the pipeline has no `schemaVersion`; compile it with kfp 2"
                      : "`schemaVersion: " + version.substr(0, 60) +
                            "` is not supported; compile the pipeline with kfp 2, which writes 2.1.0");
  map.ignore({"sdkVersion"});
  spec.pipeline_root = map.text("defaultPipelineRoot");
  while (spec.pipeline_root.ends_with('/')) spec.pipeline_root.pop_back();
  if (!spec.pipeline_root.empty())
    warnings_.add(map.place("defaultPipelineRoot"),
                  "`defaultPipelineRoot` is not used: artifacts are kept in the object store of this server");
  const auto& components = map.map("components");
  spec.components.reserve(components.size() + 1);
  for (const auto& field : components)
    spec.components.push_back(component(field.key, field.at, *field.value));
  MapReader deployment(map.any("deploymentSpec"), "`deploymentSpec`", problems_);
  const auto& executors = deployment.map("executors");
  spec.executors.reserve(executors.size());
  for (const auto& field : executors) {
    spec.executors.push_back(executor(field));
    const auto* importer = std::get_if<Importer>(&spec.executors.back().what);
    if (importer != nullptr && importer->to_workspace) spec.imports_to_workspace = true;
  }
  deployment.end();
  if (const auto* root = map.any("root"))
    spec.components.push_back(component("main", map.place("root"), *root));
  else
    problems_.add(document.at, "the pipeline has no `root`, which holds its tasks");
  map.end();
  for (std::size_t i = 0; i < spec.components.size(); ++i)
    spec.component_index.emplace(spec.components[i].name, i);
  for (std::size_t i = 0; i < spec.executors.size(); ++i)
    spec.executor_index.emplace(spec.executors[i].name, i);
  if (platform != nullptr) platforms(*platform, spec);
  return spec;
}

Component SpecReader::component(std::string name, Location at, const Node& node) {
  Component made;
  made.name = std::move(name);
  made.at = at;
  const auto what = named("component", made.name);
  MapReader map(&node, what, problems_);
  made.inputs = interface(map.any("inputDefinitions"), what, true);
  made.outputs = interface(map.any("outputDefinitions"), what, false);
  made.executor = map.text("executorLabel");
  made.executor_at = map.place("executorLabel");
  if (const auto* graph = map.any("dag")) made.dag = dag(*graph, what);
  if (made.executor.empty() == !made.dag)
    problems_.add(at, what + " needs either an `executorLabel` or a `dag`");
  // The same that the second document of the file says.
  map.ignore({"singlePlatformSpecs"});
  if (map.any("taskConfigPassthroughs") != nullptr)
    problems_.add(map.place("taskConfigPassthroughs"),
                  what + " passes the settings of its pod on (TASK_CONFIG), and has no pod here");
  map.end();
  return made;
}

Interface SpecReader::interface(const Node* node, const std::string& what, bool inputs) {
  Interface made;
  MapReader map(node, inputs ? "`inputDefinitions`" : "`outputDefinitions`", problems_);
  for (const auto& field : map.map("parameters")) made.parameters.push_back(parameter(field, what));
  for (const auto& field : map.map("artifacts")) made.artifacts.push_back(artifact(field, what));
  map.end();
  return made;
}

Parameter SpecReader::parameter(const Node::Field& field, const std::string& what) {
  constexpr std::array types{ParameterType::number,      ParameterType::integer, ParameterType::string,
                             ParameterType::boolean,     ParameterType::list,    ParameterType::structure,
                             ParameterType::final_status};
  Parameter made;
  made.name = field.key;
  made.at = field.at;
  const auto title = "parameter `" + field.key + "` of " + what;
  MapReader map(field.value.get(), title, problems_);
  const auto type = map.text("parameterType");
  bool known = false;
  for (const auto candidate : types)
    if (name_of(candidate) == type) {
      made.type = candidate;
      known = true;
    }
  if (!known)
    problems_.add(map.place("parameterType"),
                  type == "TASK_CONFIG"
                      ? title + " takes the settings of its pod (TASK_CONFIG), and there is no pod here"
                      : title + " has the type `" + type.substr(0, 60) +
                            "`; there are NUMBER_DOUBLE, NUMBER_INTEGER, STRING, BOOLEAN, LIST, STRUCT, "
                            "TASK_FINAL_STATUS");
  made.optional = map.flag("isOptional");
  if (const auto* value = map.any("defaultValue"))
    made.fallback = made.type == ParameterType::number ? value->to_value() : with_integers(value->to_value());
  for (const auto& literal : map.list("literals")) made.literals.push_back(with_integers(literal.to_value()));
  made.description = map.text("description");
  map.end();
  return made;
}

ArtifactSlot SpecReader::artifact(const Node::Field& field, const std::string& what) {
  ArtifactSlot made;
  made.name = field.key;
  made.at = field.at;
  const auto title = "artifact `" + field.key + "` of " + what;
  MapReader map(field.value.get(), title, problems_);
  made.kind = artifact_kind(map.any("artifactType"), title, made.version);
  made.list = map.flag("isArtifactList");
  made.optional = map.flag("isOptional");
  if (const auto* metadata = map.any("metadata"))
    if (const auto value = with_integers(metadata->to_value()); value.is_struct())
      made.metadata = *value.if_struct();
  made.description = map.text("description");
  map.end();
  return made;
}

std::string SpecReader::artifact_kind(const Node* node, const std::string& what, std::string& version) {
  MapReader map(node, "the type of " + what, problems_);
  auto kind = map.text("schemaTitle");
  version = map.text("schemaVersion");
  if (kind.empty())
    problems_.add(map.at(), "the type of " + what + " needs a `schemaTitle`, such as system.Dataset");
  map.end();
  return kind == "system.Artifact" ? "any" : kind;
}

Dag SpecReader::dag(const Node& node, const std::string& what) {
  Dag made;
  MapReader map(&node, "the `dag` of " + what, problems_);
  const auto& tasks = map.map("tasks");
  made.tasks.reserve(tasks.size());
  for (const auto& field : tasks) made.tasks.push_back(task(field));
  for (std::size_t i = 0; i < made.tasks.size(); ++i) made.index.emplace(made.tasks[i].name, i);
  made.outputs = dag_outputs(map.any("outputs"), what);
  map.end();
  return made;
}

std::vector<DagOutput> SpecReader::dag_outputs(const Node* node, const std::string& what) {
  std::vector<DagOutput> made;
  MapReader map(node, "the outputs of " + what, problems_);
  for (const auto& field : map.map("parameters")) {
    DagOutput output{.name = field.key, .at = field.at, .from = {}};
    const auto title = "output `" + field.key + "` of " + what;
    MapReader one(field.value.get(), title, problems_);
    if (const auto* single = one.any("valueFromParameter"))
      output.from.push_back(selector(*single, title, "outputParameterKey"));
    MapReader several(one.any("valueFromOneof"), title, problems_);
    for (const auto& item : several.list("parameterSelectors"))
      output.from.push_back(selector(item, title, "outputParameterKey"));
    several.end();
    one.end();
    if (output.from.empty()) problems_.add(field.at, title + " does not say which task makes it");
    made.push_back(std::move(output));
  }
  for (const auto& field : map.map("artifacts")) {
    DagOutput output{.name = field.key, .at = field.at, .from = {}};
    const auto title = "output `" + field.key + "` of " + what;
    MapReader one(field.value.get(), title, problems_);
    for (const auto& item : one.list("artifactSelectors"))
      output.from.push_back(selector(item, title, "outputArtifactKey"));
    one.end();
    if (output.from.empty()) problems_.add(field.at, title + " does not say which task makes it");
    made.push_back(std::move(output));
  }
  map.end();
  return made;
}

Selector SpecReader::selector(const Node& node, const std::string& what, std::string_view key) {
  MapReader map(&node, what, problems_);
  Selector made{.producer = map.text("producerSubtask"), .key = map.text(key), .at = node.at};
  map.end();
  return made;
}

}  // namespace sluice::frontends::kubeflow
