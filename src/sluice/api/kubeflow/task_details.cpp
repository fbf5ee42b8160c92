#include "sluice/api/kubeflow/task_details.hpp"

#include <unordered_map>

#include "sluice/api/kubeflow/responses.hpp"
#include "sluice/api/kubeflow/states.hpp"
#include "sluice/ir/path.hpp"

namespace sluice::api::kubeflow {
namespace {

/// The name of the last operation of the path.
std::string name_of(std::string_view path) {
  std::string name;
  while (const auto segment = ir::take_segment(path))
    name = segment->decoded_name().value_or(std::string(segment->name));
  return name;
}

void collect(const std::string& name, const Value& value, std::vector<NamedArtifact>& found) {
  if (const auto* artifact = value.if_artifact()) found.push_back({.name = name, .artifact = *artifact});
  if (const auto* list = value.if_list())
    for (const auto& item : *list) collect(name, item, found);
}

/// {NAME: {"artifact_ids": […]}}
Struct lists_of(const Struct& outputs) {
  Struct lists;
  for (const auto& [name, value] : outputs) {
    std::vector<NamedArtifact> found;
    collect(name, value, found);
    if (found.empty()) continue;
    List ids;
    for (const auto& one : found) ids.emplace_back(number_of(one.artifact));
    Struct list;
    list.set("artifact_ids", std::move(ids));
    lists.set(name, std::move(list));
  }
  return lists;
}

Value status_at(Time at, std::string_view state) {
  Struct entry;
  entry.set("update_time", time_of(at));
  entry.set("state", state);
  return entry;
}

Struct detail_of(const std::string& run, const runs::OperationReport& operation) {
  Struct detail;
  detail.set("run_id", run);
  detail.set("task_id", operation.path);
  detail.set("display_name", name_of(operation.path));
  const auto has_usage = operation.usage.ended.time_since_epoch().count() > 0;
  const auto started = has_usage && !operation.cached ? operation.usage.started : operation.scheduled;
  if (const auto created = operation.scheduled ? operation.scheduled : operation.ended)
    detail.set("create_time", time_of(created));
  if (started) detail.set("start_time", time_of(started));
  if (operation.ended) detail.set("end_time", time_of(operation.ended));
  const auto state = state_of(operation);
  detail.set("state", state);
  if ((state == "FAILED" || state == "CANCELED") && !operation.failure.message.empty())
    detail.set("error", status_of(operation.failure.message));
  if (auto outputs = lists_of(operation.outputs); !outputs.empty()) detail.set("outputs", std::move(outputs));
  if (const auto parent = ir::parent_path(operation.path); !parent.empty())
    detail.set("parent_task_id", parent);
  List history;
  if (started) history.push_back(status_at(*started, "RUNNING"));
  if (operation.ended) history.push_back(status_at(*operation.ended, state));
  if (!history.empty()) detail.set("state_history", std::move(history));
  return detail;
}

}  // namespace

List task_details(const std::string& run, const runs::RunReport& report) {
  std::unordered_map<std::string, List> children;
  for (const auto& operation : report.operations) {
    const auto parent = ir::parent_path(operation.path);
    if (parent.empty()) continue;
    Struct child;
    child.set("task_id", operation.path);
    children[std::string(parent)].emplace_back(std::move(child));
  }
  List details;
  details.reserve(report.operations.size());
  for (const auto& operation : report.operations) {
    auto detail = detail_of(run, operation);
    if (const auto found = children.find(operation.path); found != children.end())
      detail.set("child_tasks", found->second);
    details.emplace_back(std::move(detail));
  }
  return details;
}

std::vector<NamedArtifact> artifacts_of(const Struct& outputs) {
  std::vector<NamedArtifact> found;
  for (const auto& [name, value] : outputs) collect(name, value, found);
  return found;
}

std::string number_of(const Artifact& artifact) {
  std::uint64_t number = 0;
  constexpr std::size_t bytes = 8;
  if (artifact.digest)
    for (std::size_t i = 0; i < bytes; ++i)
      number = (number << 8U) | static_cast<std::uint8_t>(artifact.digest->bytes.at(i));
  return std::to_string(number & static_cast<std::uint64_t>(INT64_MAX));
}

}  // namespace sluice::api::kubeflow
