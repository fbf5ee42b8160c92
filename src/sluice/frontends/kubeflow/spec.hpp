#pragma once
// Private to this module: a PipelineSpec (kubeflow/pipelines, api/v2alpha1/pipeline_spec.proto) as it is
// read, before it is lowered.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "sluice/base/value.hpp"
#include "sluice/syntax/location.hpp"

namespace sluice::frontends::kubeflow {

using syntax::Location;

enum class ParameterType { number, integer, string, boolean, list, structure, final_status };

/// A parameter that a component takes or makes.
struct Parameter {
  std::string name;
  Location at;
  std::string description;
  ParameterType type = ParameterType::string;
  bool optional = false;
  std::optional<Value> fallback;  ///< its default
  List literals;                  ///< if not empty, the values that are allowed
};

/// An artifact that a component takes or makes.
struct ArtifactSlot {
  std::string name;
  Location at;
  std::string description;
  std::string kind;  ///< "system.Dataset"; "any" for system.Artifact
  std::string version;
  bool list = false;
  bool optional = false;
  Struct metadata;
};

struct Interface {
  std::vector<Parameter> parameters;
  std::vector<ArtifactSlot> artifacts;
  [[nodiscard]] const Parameter* parameter(std::string_view name) const;
  [[nodiscard]] const ArtifactSlot* artifact(std::string_view name) const;
};

/// What a task gives to an input of its component.
struct Argument {
  enum class Source { task_output, component_input, constant, final_status } source = Source::constant;
  std::string name;
  Location at;
  std::string producer;  ///< the task of `task_output` and `final_status`
  std::string key;       ///< its output; the input of `component_input`
  Value constant;
  std::string selector;  ///< a path into the value, `parseJson(string_value)["x"]`; "": none
  Location selector_at;
};

/// An output of a task of a DAG.
struct Selector {
  std::string producer;
  std::string key;
  Location at;
};
/// An output of a DAG: the first of several that is there.
struct DagOutput {
  std::string name;
  Location at;
  std::vector<Selector> from;
};

struct Iterator {
  Location at;
  std::string item;         ///< the input that an iteration gets
  std::string items_input;  ///< the input with the list; "": `items`
  std::optional<List> items;
  bool of_artifacts = false;
  std::int64_t parallelism = 0;  ///< 0: no limit
};

struct RetryPolicy {
  Location at;
  std::int64_t count = 0;
  std::int64_t backoff_ms = 0;
  double factor = 2;
  std::int64_t backoff_max_ms = 0;  ///< 0: the back end's default
};

struct Task {
  std::string name;
  std::string title;  ///< for people
  Location at;
  std::string component;
  Location component_at;
  std::vector<Argument> parameters;
  std::vector<Argument> artifacts;
  std::vector<std::pair<std::string, Location>> dependencies;
  bool caches = false;
  std::string cache_key;
  std::string condition;  ///< CEL; "": none
  Location condition_at;
  bool runs_after_failure = false;  ///< the strategy ALL_UPSTREAM_TASKS_COMPLETED
  std::optional<Iterator> iterator;
  std::optional<RetryPolicy> retry;
};

struct Dag {
  std::vector<Task> tasks;
  std::unordered_map<std::string_view, std::size_t> index;  ///< of `tasks`, by name
  std::vector<DagOutput> outputs;
  [[nodiscard]] const Task* find(std::string_view name) const;
};

struct Component {
  std::string name;
  Location at;
  Interface inputs;
  Interface outputs;
  std::string executor;
  Location executor_at;
  std::optional<Dag> dag;
};

/// A text of an executor, with placeholders.
struct Text {
  std::string text;
  Location at;
};
struct Variable {
  std::string name;
  Text value;
};
/// A variable of a container that is a key of a Kubernetes secret.
struct SecretVariable {
  std::string name;
  std::string secret;
  std::string key;
  bool optional = false;
  Location at;
};
struct Resources {
  std::optional<double> cpu_request, cpu_limit;        ///< processors
  std::optional<double> memory_request, memory_limit;  ///< bytes
  std::int64_t accelerators = 0;
  std::string accelerator;  ///< their type; "": any
  Location at;
};

struct Container {
  Text image;
  std::vector<Text> command;
  std::vector<Text> args;
  std::vector<Variable> env;
  std::vector<SecretVariable> secrets;
  Resources resources;
  std::int64_t deadline_s = 0;  ///< 0: none
  Struct kubernetes;            ///< what only Kubernetes can honor, as it is written
};
struct Importer {
  Text uri;  ///< constant; empty: the input `uri_input`
  std::string uri_input;
  std::string kind;
  Value metadata;             ///< a struct, with placeholders in its strings
  bool to_workspace = false;  ///< what is there is copied into the workspace
};
struct Executor {
  std::string name;
  Location at;
  std::variant<Container, Importer> what;
};

struct Spec {
  std::string name;
  std::string title;  ///< for people; "": none
  std::string description;
  Location at;
  std::string pipeline_root;          ///< where artifacts are to be; "": not said
  bool imports_to_workspace = false;  ///< an importer copies into the workspace
  bool has_workspace = false;         ///< a folder that all tasks of a run share
  std::vector<Component> components;  ///< the last one is the root
  std::unordered_map<std::string_view, std::size_t> component_index;
  std::vector<Executor> executors;
  std::unordered_map<std::string_view, std::size_t> executor_index;
  [[nodiscard]] const Component* component(std::string_view wanted) const;
  [[nodiscard]] const Executor* executor(std::string_view wanted) const;
  [[nodiscard]] const Component& root() const { return components.back(); }
};

/// What a person calls the type: NUMBER_INTEGER.
std::string_view name_of(ParameterType type);

}  // namespace sluice::frontends::kubeflow
