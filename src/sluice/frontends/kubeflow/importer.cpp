#include "sluice/frontends/kubeflow/lowering.hpp"

namespace sluice::frontends::kubeflow {
namespace {

class ImporterPlaceholders final : public Placeholders {
 public:
  ImporterPlaceholders(const TaskArguments& arguments, const Task& task)
      : arguments_(arguments), task_(task) {}
  [[nodiscard]] std::optional<Typed> parameter(std::string_view name) const override {
    return arguments_.parameter_or_default(name);
  }
  [[nodiscard]] ExpressionPtr input_artifact(std::string_view) const override { return nullptr; }
  [[nodiscard]] ExpressionPtr output_artifact(std::string_view) const override { return nullptr; }
  [[nodiscard]] ExpressionPtr output_parameter(std::string_view) const override { return nullptr; }
  [[nodiscard]] ExpressionPtr executor_input() const override { return nullptr; }
  [[nodiscard]] ExpressionPtr executor_output() const override { return nullptr; }
  [[nodiscard]] ExpressionPtr about_run(std::string_view what) const override {
    return kubeflow::about_run(arguments_.spec(), what, task_, task_.at);
  }

 private:
  const TaskArguments& arguments_;
  const Task& task_;
};

}  // namespace

/// An artifact that is somewhere: nothing runs.
void Lowering::import_artifact(const Task& task, const Component& of, const Importer& importer,
                               const TaskArguments& arguments, ir::Operation& operation) {
  const ImporterPlaceholders placeholders(arguments, task);
  ExpressionPtr uri;
  if (!importer.uri_input.empty()) {
    if (const auto given = arguments.parameter_or_default(importer.uri_input)) uri = given->value;
  } else {
    uri = filled_in(importer.uri, placeholders, problems_).value;
  }
  if (!uri) {
    problems_.add(task.at, "task `" + task.name + "` lacks the input `" + importer.uri_input +
                               "`, from which it imports");
    return;
  }
  ir::Block block;
  block.region = std::make_unique<ir::Region>();
  block.region->at = task.at;
  for (const auto& artifact : of.outputs.artifacts) {
    Fields properties{
        {"kind", literal(artifact.kind, task.at)}, {"name", literal(artifact.name, task.at)}, {"uri", uri}};
    if (importer.metadata.is_struct())
      properties.emplace_back("metadata", filled_in(importer.metadata, task.at, placeholders, problems_));
    operation.yield.emplace_back(
        artifact.name,
        kubeflow::call("artifact", {absent(task.at), structure(std::move(properties), task.at)}, task.at));
  }
  operation.what = std::move(block);
}

}  // namespace sluice::frontends::kubeflow
