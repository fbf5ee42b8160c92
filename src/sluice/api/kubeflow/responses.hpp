#pragma once
// JSON shapes of Kubeflow: names as in its protobuf files, times as texts, integers of 64 bits as texts.
#include <functional>
#include <string>

#include "sluice/api/kubeflow/fields.hpp"
#include "sluice/api/kubeflow/kubeflow.hpp"

namespace sluice::api::kubeflow {

/// {"error", "code", "message", "details"}
ports::Response error_response(const Error& error);
/// The same for what this server does not offer.
ports::Response not_offered(std::string_view why);
ports::Response json(const Struct& value);
/// {}
ports::Response empty();

using Handle = std::function<Result<ports::Response>(const ports::Request& request)>;
ports::Handler handler_of(Handle work);

/// What it is without a value in this API.
Value time_of(std::optional<Time> time);
/// A failure, as google.rpc.Status.
Value status_of(std::string_view message);

/// {NAME: […], "total_size", "next_page_token"}
template <typename Entry, typename Write>
ports::Response list_response(std::string_view name, const ports::ListPage<Entry>& page,
                              const std::string& token, Write write) {
  List entries;
  entries.reserve(page.entries.size());
  for (const auto& entry : page.entries) entries.emplace_back(write(entry));
  Struct out;
  if (!entries.empty()) out.set(std::string(name), std::move(entries));
  out.set("total_size", page.total);
  if (!token.empty()) out.set("next_page_token", token);
  return json(out);
}

/// Refuses a namespace that is not the caller's workspace. In the workspace `default` every one is meant: who
/// has not told callers apart has not named workspaces either.
Result<void> check_namespace(const Principal& by, std::string_view wanted);

// One function per resource; each adds its routes.
void add_experiment_routes(const KubeflowApi& api, ports::Protocol& protocol);
void add_pipeline_routes(const KubeflowApi& api, ports::Protocol& protocol);
void add_run_routes(const KubeflowApi& api, ports::Protocol& protocol);
void add_recurring_run_routes(const KubeflowApi& api, ports::Protocol& protocol);
void add_artifact_routes(const KubeflowApi& api, ports::Protocol& protocol);
void add_other_routes(ports::Protocol& protocol);

/// "ID" and "archive" of "ID:archive"; the action is "" if there is none.
struct Target {
  std::string id;
  std::string action;
};
Target target_of(const ports::Request& request);
/// The error for an action that the resource does not have. `known`: "archive, unarchive".
Error no_action(const Target& target, std::string_view known);

}  // namespace sluice::api::kubeflow
