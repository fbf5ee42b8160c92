#include "sluice/api/kubeflow/new_run.hpp"

#include "sluice/api/kubeflow/plan_text.hpp"

namespace sluice::api::kubeflow {

Result<pipelines::RunGroups::NewRun> new_run_of(const Fields& body, const ports::Request& request) {
  pipelines::RunGroups::NewRun run;
  const auto read = [&body](std::string_view name, std::string& to) -> Result<void> {
    SLUICE_TRY(text, body.text(name));
    to = std::move(text);
    return {};
  };
  SLUICE_DO(read("experiment_id", run.group));
  if (run.group.empty()) run.group = std::string(request.query_at("experiment_id"));
  SLUICE_DO(read("display_name", run.display_name));
  SLUICE_DO(read("description", run.description));
  SLUICE_DO(read("service_account", run.service_account));
  SLUICE_TRY(config, body.object("runtime_config"));
  SLUICE_TRY(root, config.text("pipeline_root"));
  run.root = std::move(root);
  SLUICE_TRY(parameters, config.map("parameters"));
  run.parameters = std::move(parameters);
  SLUICE_TRY(reference, body.object("pipeline_version_reference"));
  SLUICE_TRY(pipeline, reference.text("pipeline_id"));
  SLUICE_TRY(version, reference.text("pipeline_version_id"));
  if (version.empty()) {
    SLUICE_TRY(id, body.text("pipeline_version_id"));
    version = std::move(id);
  }
  run.pipeline = std::move(pipeline);
  run.version = std::move(version);
  const auto* spec = body.find("pipeline_spec");
  if (spec != nullptr && !spec->is_struct())
    return Fail(
        user_error(Code::invalid_argument, "`pipeline_spec` must be an object: the compiled pipeline"));
  const bool has_version = !run.pipeline.empty() || !run.version.empty();
  if (spec == nullptr && !has_version)
    return Fail(user_error(Code::invalid_argument,
                           "the run has no pipeline: give `pipeline_spec` or `pipeline_version_reference`"));
  // A version has precedence, as in Kubeflow's own server.
  if (!has_version) run.text = text_of_spec(*spec);
  return run;
}

void add_new_run(const ports::GroupedRun& run, Struct& out) {
  if (!run.description.empty()) out.set("description", run.description);
  if (!run.version.empty()) {
    Struct version;
    version.set("pipeline_id", run.pipeline);
    version.set("pipeline_version_id", run.version);
    out.set("pipeline_version_reference", std::move(version));
  }
  Struct config;
  if (!run.parameters.empty()) config.set("parameters", run.parameters);
  if (!run.root.empty()) config.set("pipeline_root", run.root);
  out.set("runtime_config", std::move(config));
  if (!run.service_account.empty()) out.set("service_account", run.service_account);
}

Result<void> add_spec(const KubeflowApi& api, const ports::GroupedRun& run, Struct& out) {
  if (!run.version.empty()) return {};
  SLUICE_TRY(text, api.pipelines.text_of(run.text));
  SLUICE_TRY(spec, spec_of_text(text));
  out.set("pipeline_spec", std::move(spec));
  return {};
}

}  // namespace sluice::api::kubeflow
