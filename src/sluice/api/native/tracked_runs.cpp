// Runs that clients of MLflow log: their metrics.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "sluice/api/native/responses.hpp"
#include "sluice/base/words.hpp"

namespace sluice::api {
namespace {

Struct point_to_json(const ports::MetricPoint& point) {
  Struct s;
  s.set("step", point.step);
  s.set("timestamp", point.at_ms);
  s.set("value", std::isnan(point.value) ? Value() : Value(point.value));
  return s;
}

List points_to_json(const std::vector<ports::MetricPoint>& points) {
  List out;
  out.reserve(points.size());
  for (const auto& point : points) out.emplace_back(point_to_json(point));
  return out;
}

/// Of each task of a run that logged something, the newest attempt.
Result<std::vector<ports::TrackedTasks::Entry>> tasks_of(const NativeApi& api, const RunId& run) {
  constexpr std::size_t entries_max = 10'000;
  SLUICE_TRY(entries, api.tracked_tasks->of_tasks(run, entries_max));
  const auto of_same_task = [](const auto& a, const auto& b) { return a.place.path == b.place.path; };
  const auto rest = std::ranges::unique(entries, of_same_task);
  entries.erase(rest.begin(), rest.end());
  return entries;
}

Result<std::string> run_of_task(const NativeApi& api, const RunId& run, const std::string& task) {
  SLUICE_TRY(found, api.tracked_tasks->at(run, task, 1));
  if (!found.empty()) return found.front().tracked;
  SLUICE_TRY(others, tasks_of(api, run));
  std::vector<std::string> names;
  names.reserve(others.size());
  for (const auto& other : others) names.push_back(other.place.path);
  return Fail(
      user_error(Code::not_found, fmt::format("task `{}` of run {} logged nothing with MLflow's client{}",
                                              task, run.text, did_you_mean(task, names))));
}

/// The id of the tracked run that the request names: by its id or how that begins; by a run of the engine
/// (`latest` too), whose own tracked run has its id; by such a run and one of its tasks.
Result<std::string> named_run(const NativeApi& api, const ports::Request& request) {
  const auto& workspace = request.principal.workspace;
  auto named = request.params.at(0);
  const std::string task(request.query_at("task"));
  if (named == "latest" || !task.empty()) {
    SLUICE_TRY(run, api.runs.find(workspace, named));
    if (!task.empty()) return run_of_task(api, run.id, task);
    named = run.id.text;
  }
  auto found = api.experiments->find_run(request.principal, named);
  if (found || found.error().code != Code::not_found) return found;
  const auto run = api.runs.find(workspace, named);
  if (!run) return found;
  return Fail(user_error(Code::not_found,
                         fmt::format("nothing was logged to run {} with MLflow's client", run->id.text)));
}

Result<ports::Response> show(const NativeApi& api, const ports::Request& request) {
  SLUICE_TRY(page, page_of(request));
  SLUICE_TRY(id, named_run(api, request));
  SLUICE_TRY(run, api.experiments->store().run(request.principal.workspace, id));
  Struct result;
  result.set("run", run.id);
  result.set("name", run.name);
  result.set("experiment", std::to_string(run.experiment));
  result.set("status", ports::name(run.status));
  std::erase_if(run.metrics,
                [&](const auto& metric) { return !page.after.empty() && metric.key <= page.after; });
  if (cut_to_page(run.metrics, page.limit)) result.set("next", run.metrics.back().key);
  List metrics;
  for (const auto& metric : run.metrics) {
    Struct one;
    one.set("key", metric.key);
    for (const auto& [name, value] : point_to_json(metric.point)) one.set(name, value);
    metrics.emplace_back(std::move(one));
  }
  result.set("metrics", std::move(metrics));
  SLUICE_TRY(tasks, tasks_of(api, {id}));
  List below;
  for (const auto& entry : tasks) {
    Struct one;
    one.set("task", entry.place.path);
    one.set("run", entry.tracked);
    below.emplace_back(std::move(one));
  }
  if (!below.empty()) result.set("tasks", std::move(below));
  return json_response(result);
}

Result<ports::Response> chart(const NativeApi& api, const ports::Request& request) {
  SLUICE_TRY(limit, number_of(request, "limit", 320, page_max));
  SLUICE_TRY(id, named_run(api, request));
  SLUICE_TRY(points, api.experiments->store().chart(request.principal.workspace, id,
                                                    std::string(request.query_at("metric")), {},
                                                    static_cast<std::size_t>(limit)));
  Struct result;
  result.set("points", points_to_json(points));
  return json_response(result);
}

Result<ports::Response> history(const NativeApi& api, const ports::Request& request) {
  SLUICE_TRY(limit, number_of(request, "limit", 1000, page_max));
  SLUICE_TRY(after, number_of(request, "after", 0, INT64_MAX));
  SLUICE_TRY(id, named_run(api, request));
  SLUICE_TRY(points, api.experiments->store().history(
                         request.principal.workspace, id, std::string(request.query_at("metric")),
                         static_cast<std::size_t>(after), static_cast<std::size_t>(limit) + 1));
  Struct result;
  if (cut_to_page(points, static_cast<std::size_t>(limit))) result.set("next", after + limit);
  result.set("points", points_to_json(points));
  return json_response(result);
}

}  // namespace

void add_tracked_run_routes(const NativeApi& api, ports::Protocol& protocol) {
  auto& routes = protocol.routes;
  routes.push_back({.method = "GET",
                    .pattern = "/v1/tracked/{}",
                    .handler = sync_handler([api](const auto& r) { return show(api, r); })});
  routes.push_back({.method = "GET",
                    .pattern = "/v1/tracked/{}/chart",
                    .handler = sync_handler([api](const auto& r) { return chart(api, r); })});
  routes.push_back({.method = "GET",
                    .pattern = "/v1/tracked/{}/history",
                    .handler = sync_handler([api](const auto& r) { return history(api, r); })});
}

}  // namespace sluice::api
