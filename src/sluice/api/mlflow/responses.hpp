#pragma once
// JSON shapes of MLflow: integers are numbers, ids are texts, and what is empty is left out.
#include <functional>
#include <string>

#include "sluice/api/mlflow/fields.hpp"
#include "sluice/api/mlflow/mlflow.hpp"
#include "sluice/base/json.hpp"
#include "sluice/domain/tracking/page_token.hpp"

namespace sluice::api::mlflow {

/// {"error_code", "message", …}
ports::Response error_response(const Error& error);
ports::Response json(std::string body);
/// {}
ports::Response empty();

using Handle = std::function<Result<ports::Response>(const Fields& fields, const ports::Request& request)>;

/// Adds routes of MLflow's two trees, with and without the prefix of the interface.
class Routes {
 public:
  explicit Routes(ports::Protocol& protocol) : protocol_(protocol) {}

  struct More {
    std::size_t body_max = std::size_t{1} << 20;
    std::optional<ports::Role> role = std::nullopt;  ///< nullopt: as `ports::Route` says
    std::string change = {};
    std::string version = "2.0";
    std::function<bool(const ports::Request&)> is_brief = nullptr;
    /// Not null: also for tasks (ports::Route::for_tasks). Called first, for their requests: an error if the
    /// task may not do this.
    std::function<Result<void>(const Fields&, const ports::Request&)> admit_task = nullptr;
    /// Called where something that the request names is not there; null: never. True: it is there now, and
    /// the request is handled again.
    std::function<Result<bool>(const Fields&, const ports::Request&)> begin_missing = nullptr;
  };
  /// `path`: "/runs/create", below /api/2.0/mlflow.
  void add(std::string_view method, std::string_view path, const Handle& handle) {
    add(method, path, handle, {});
  }
  void add(std::string_view method, std::string_view path, const Handle& handle, const More& more);
  /// A search: a POST that changes nothing.
  void add_search(std::string_view path, const Handle& handle) {
    add("POST", path, handle, {.role = ports::Role::read});
  }
  /// At these exact paths below "/" and "/mlflow"; the handler reads the request itself.
  void add_plain(ports::Route route);

 private:
  ports::Protocol& protocol_;
};

void write_pairs(JsonObject& object, std::string_view name, const std::vector<ports::KeyValue>& pairs);
void write_experiment(JsonObject& object, const ports::Experiment& experiment);
/// The fields of a run: info, data, inputs and outputs.
void write_run(JsonObject& object, const ports::TrackedRun& run);
void write_run_info(JsonObject& info, const ports::TrackedRun& run);
/// The fields of a point; not a number is written as "NaN".
void write_point(JsonObject& object, std::string_view key, const ports::MetricPoint& point);

/// Cuts what was searched with one entry more than asked for; returns the token of the next page, or "".
template <typename Entry>
std::string next_page(std::vector<Entry>& found, const ports::Search& search) {
  if (found.size() < search.limit) return {};
  found.resize(search.limit - 1);
  return tracking::token_of(static_cast<std::int64_t>(search.offset + found.size()));
}

/// A list of objects, which `write` fills, and the token of the next page; what is empty is left out.
template <typename Entry, typename Write>
ports::Response list_response(std::string_view name, const std::vector<Entry>& entries,
                              std::string_view token, Write write) {
  std::string body;
  JsonObject object(body);
  if (!entries.empty()) {
    auto list = object.list(name);
    for (const auto& entry : entries) {
      auto one = list.object();
      write(one, entry);
      one.end();
    }
    list.end();
  }
  if (!token.empty()) object.text("next_page_token", token);
  object.end();
  return json(std::move(body));
}

/// The page of a search.
template <typename Entry, typename Write>
ports::Response page_response(std::string_view name, std::vector<Entry> found, const ports::Search& search,
                              Write write) {
  const auto token = next_page(found, search);
  return list_response(name, found, token, write);
}

/// Whether the request is a small one, and what it changes would not have to wait for the disk.
std::function<bool(const ports::Request&)> small_and_quick(const MlflowApi& api);

// One function per resource; each adds its routes.
void add_experiment_routes(const MlflowApi& api, Routes& routes);
void add_run_routes(const MlflowApi& api, Routes& routes);
void add_metric_routes(const MlflowApi& api, Routes& routes);
void add_logged_model_routes(const MlflowApi& api, Routes& routes);
void add_artifact_routes(const MlflowApi& api, Routes& routes);
void add_artifact_part_routes(const MlflowApi& api, Routes& routes);
void add_graphql_routes(const MlflowApi& api, Routes& routes);
void add_other_routes(Routes& routes);
void add_interface_routes(const MlflowApi& api, ports::Protocol& protocol);
void add_trace_routes(const MlflowApi& api, Routes& routes);

/// A handler that reads the request itself.
ports::Handler handler_of(std::function<Result<ports::Response>(const ports::Request&)> work);
/// Versions of models never change: refuses paths of their files.
Result<void> refuse_versions(const std::string& path);
/// A file of a trace: `path` is below the place of its artifacts.
Result<ports::Response> trace_file(const MlflowApi& api, const Principal& by, const ports::Trace& trace,
                                   const std::string& path);
/// Numbers about traces.
Result<ports::Response> trace_metrics(const MlflowApi& api, const Fields& fields, const Principal& by);
void add_registered_model_routes(const MlflowApi& api, Routes& routes);
void add_model_version_routes(const MlflowApi& api, Routes& routes);

}  // namespace sluice::api::mlflow
