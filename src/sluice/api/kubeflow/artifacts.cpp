// Files that tasks of a run have made.
#include <algorithm>

#include <fmt/format.h>

#include "sluice/api/kubeflow/responses.hpp"
#include "sluice/api/kubeflow/task_details.hpp"
#include "sluice/base/words.hpp"

namespace sluice::api::kubeflow {
namespace {

constexpr std::string_view all_artifacts =
    "artifacts have no list of their own here: those of a run are the `outputs` of its tasks, and are read "
    "at "
    "/apis/v2beta1/runs/RUN/nodes/TASK/artifacts/NAME:read";

/// "NAME:read" of a task: {"data": base64}
Result<ports::Response> read(const KubeflowApi& api, const ports::Request& request) {
  constexpr std::size_t bytes_max = std::size_t{32} << 20;
  constexpr std::string_view action = ":read";
  const auto& task = request.params.at(1);
  std::string name = request.params.at(2);
  if (!name.ends_with(action)) return Fail(no_action({.id = name, .action = name}, "NAME:read"));
  name.resize(name.size() - action.size());
  SLUICE_TRY(run, api.groups.find_run(request.principal.workspace, request.params.at(0)));
  SLUICE_TRY(report, api.groups.report(run));
  const auto found = std::ranges::find(report.operations, task, &runs::OperationReport::path);
  if (found == report.operations.end())
    return Fail(user_error(Code::not_found, fmt::format("run {} has no task `{}`", run.id, as_utf8(task))));
  const auto artifacts = artifacts_of(found->outputs);
  const auto artifact = std::ranges::find(artifacts, name, &NamedArtifact::name);
  if (artifact == artifacts.end() || !artifact->artifact.digest)
    return Fail(user_error(Code::not_found, fmt::format("task `{}` has no artifact `{}` in the store",
                                                        as_utf8(task), as_utf8(name))));
  if (artifact->artifact.form != Form::file)
    return Fail(user_error(Code::failed_precondition,
                           fmt::format("artifact `{}` is a folder; `sluice get` fetches it", as_utf8(name))));
  if (artifact->artifact.size > static_cast<std::int64_t>(bytes_max))
    return Fail(
        user_error(Code::too_large, fmt::format("artifact `{}` is larger than {}; `sluice get` fetches it",
                                                as_utf8(name), human_bytes(bytes_max))));
  SLUICE_TRY(bytes, api.objects.get(*artifact->artifact.digest, bytes_max));
  Struct out;
  out.set("data", base64_encode(bytes));
  return json(out);
}

}  // namespace

void add_artifact_routes(const KubeflowApi& api, ports::Protocol& protocol) {
  protocol.routes.push_back({.method = "GET",
                             .pattern = "/apis/v2beta1/runs/{}/nodes/{}/artifacts/{}",
                             .handler = handler_of([api](const auto& r) { return read(api, r); })});
  for (const auto* pattern : {"/apis/v2beta1/artifacts", "/apis/v2beta1/artifacts/{}"})
    protocol.routes.push_back(
        {.method = "GET", .pattern = pattern, .handler = [](const ports::Request&, ports::Responder respond) {
           respond(not_offered(all_artifacts));
         }});
}

}  // namespace sluice::api::kubeflow
