#pragma once
// Private to this module.
#include "sluice/frontends/kubeflow/map_reader.hpp"
#include "sluice/frontends/kubeflow/spec.hpp"

namespace sluice::frontends::kubeflow {

/// Reads a pipeline that `kfp` compiled: the specification, and perhaps what platforms need. Every problem is
/// reported, and reading continues; what cannot be honored here but changes no result is a warning.
class SpecReader {
 public:
  SpecReader(ir::Problems& problems, ir::Problems& warnings) : problems_(problems), warnings_(warnings) {}
  Spec read(const Node& document, const Node* platforms);

 private:
  // spec_reader.cpp: components and their tasks
  Component component(std::string name, Location at, const Node& node);
  Interface interface(const Node* node, const std::string& what, bool inputs);
  Parameter parameter(const Node::Field& field, const std::string& what);
  ArtifactSlot artifact(const Node::Field& field, const std::string& what);
  std::string artifact_kind(const Node* node, const std::string& what, std::string& version);
  Dag dag(const Node& node, const std::string& what);
  Task task(const Node::Field& field);
  Argument parameter_argument(const Node::Field& field, const std::string& what);
  Argument artifact_argument(const Node::Field& field, const std::string& what);
  Iterator iterator(const Node& node, const std::string& what, bool of_artifacts);
  std::vector<DagOutput> dag_outputs(const Node* node, const std::string& what);
  Selector selector(const Node& node, const std::string& what, std::string_view key);

  // executor_reader.cpp: what runs
  Executor executor(const Node::Field& field);
  Container container(const Node& node, const std::string& what);
  Importer importer(const Node& node, const std::string& what);
  Resources resources(const Node* node, const std::string& what);
  std::vector<Text> texts(MapReader& map, std::string_view key, const std::string& what);

  // platform_reader.cpp: what Kubernetes is told
  void platforms(const Node& node, Spec& spec);
  void kubernetes(const Node::Field& field, Spec& spec);
  void of_executor(MapReader& map, const std::string& what, Container& container);
  void secret_variables(MapReader& map, const std::string& what, Container& container);

  ir::Problems& problems_;
  ir::Problems& warnings_;
};

}  // namespace sluice::frontends::kubeflow
