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

/// Copies what is at a URI into the workspace, to where the SDK looks for it there, and says where that is.
/// Buckets are where the SDK expects them to be mounted.
ir::Process copying(const ExpressionPtr& uri, Location at) {
  constexpr std::string_view script = R"sh(case "$1" in
gs://*) from="/gcs/${1#gs://}" ;;
s3://*) from="/s3/${1#s3://}" ;;
minio://*) from="/minio/${1#minio://}" ;;
file://*) from="${1#file://}" ;;
*) from="$1" ;;
esac
[ -e "$from" ] || { echo "$1 is not at $from; mount it there, or import it without download_to_workspace"; exit 1; }
case "$from/" in */../*) echo "$1 has .. in its path"; exit 1 ;; esac
place="/.artifacts/${from#/}"
rm -rf "$2$place" && mkdir -p "$2$(dirname "$place")" && cp -R "$from" "$2$place" && printf %s "$place" > "$3"
)sh";
  ir::Process process;
  for (const std::string_view word :
       {std::string_view("sh"), std::string_view("-c"), script, std::string_view("sh")})
    process.argv.push_back(literal(word, at));
  process.argv.push_back(uri);
  process.argv.push_back(field("run", "folder", at));
  process.argv.push_back(field("out", place_in_workspace, at));
  process.outputs.push_back({.name = std::string(place_in_workspace),
                             .at = at,
                             .type = type_of(ParameterType::string),
                             .encoding = ir::TaskOutput::Encoding::text});
  return process;
}

}  // namespace

/// An artifact that is somewhere: nothing runs, unless it is copied into the workspace.
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
  const auto at = task.at;
  if (importer.to_workspace && !spec_.has_workspace)
    problems_.add(at, "task `" + task.name +
                          "` imports into the workspace, and the pipeline has none; give it one by "
                          "`PipelineConfig(workspace=…)`");
  for (const auto& artifact : of.outputs.artifacts) {
    Fields properties{
        {"kind", literal(artifact.kind, at)}, {"name", literal(artifact.name, at)}, {"uri", uri}};
    Fields metadata;
    if (const auto* given = importer.metadata.if_struct())
      for (const auto& [key, value] : *given)
        metadata.emplace_back(key, filled_in(value, at, placeholders, problems_));
    if (importer.to_workspace)
      metadata.emplace_back(place_in_workspace, field("self", place_in_workspace, at));
    if (!metadata.empty()) properties.emplace_back("metadata", structure(std::move(metadata), at));
    operation.yield.emplace_back(
        artifact.name, kubeflow::call("artifact", {absent(at), structure(std::move(properties), at)}, at));
  }
  if (importer.to_workspace) {
    operation.what = copying(uri, at);
    return;
  }
  ir::Block block;
  block.region = std::make_unique<ir::Region>();
  block.region->at = at;
  operation.what = std::move(block);
}

}  // namespace sluice::frontends::kubeflow
