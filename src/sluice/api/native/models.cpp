#include "sluice/api/native/responses.hpp"
#include "sluice/base/json.hpp"

namespace sluice::api {
namespace {

/// Who made the version: a run of the engine. One that was registered by a client of MLflow names a tracked
/// run, which may be that of a task.
Result<void> set_maker(const NativeApi& api, const std::string& workspace, const ports::ModelVersion& version,
                       Struct& out) {
  if (version.run.empty()) return {};
  std::optional<ports::TaskPlace> place;
  if (api.tracked_tasks != nullptr) {
    SLUICE_TRY(found, api.tracked_tasks->place_of(workspace, version.run));
    place = std::move(found);
  }
  out.set("run", place ? place->run.text : version.run);
  if (!place || place->path.empty()) return {};
  out.set("task", place->path);
  out.set("tracked_run", version.run);
  return {};
}

Result<Value> version_to_json(const NativeApi& api, const std::string& workspace,
                              const ports::ModelVersion& version) {
  Struct s;
  s.set("model", version.model);
  s.set("version", version.number);
  s.set("commit", version.commit);
  s.set("created", to_iso8601(version.created));
  s.set("user", version.user);
  SLUICE_DO(set_maker(api, workspace, version, s));
  if (!version.description.empty()) s.set("description", version.description);
  s.set("aliases", List(version.aliases.begin(), version.aliases.end()));
  return Value(std::move(s));
}

/// A page of its versions, and what is known of all. `next` is set where there are more.
Result<Struct> model_to_json(const NativeApi& api, const std::string& workspace, const std::string& model,
                             ports::VersionPage page) {
  const auto limit = page.limit++;
  SLUICE_TRY(found, api.models.versions(workspace, model, page));
  Struct s;
  s.set("model", model);
  s.set("repository", api.models.path_of(workspace, model).string());
  s.set("version_count", static_cast<std::int64_t>(found.total));
  Struct aliases;
  for (const auto& [name, number] : found.aliases) aliases.set(name, number);
  s.set("aliases", std::move(aliases));
  if (cut_to_page(found.page, limit)) s.set("next", found.page.back().number);
  List list;
  for (const auto& version : found.page) {
    SLUICE_TRY(one, version_to_json(api, workspace, version));
    list.push_back(std::move(one));
  }
  s.set("versions", std::move(list));
  return s;
}

Result<ports::Response> list(const NativeApi& api, const ports::Request& request) {
  SLUICE_TRY(page, page_of(request));
  const auto limit = page.limit++;
  const auto& workspace = request.principal.workspace;
  SLUICE_TRY(models, api.models.models(workspace, page));
  Struct result;
  if (cut_to_page(models, limit)) result.set("next", models.back());
  List out;
  for (const auto& model : models) {
    // Only the newest version: what a page costs should not depend on how many each model has.
    auto one = model_to_json(api, workspace, model, {.limit = 1});
    if (!one && one.error().code == Code::not_found) continue;  // it was removed just now
    if (!one) return Fail(std::move(one).error());
    out.emplace_back(std::move(*one));
  }
  result.set("models", std::move(out));
  return json_response(result);
}

Result<ports::Response> show(const NativeApi& api, const ports::Request& request) {
  SLUICE_TRY(before, number_of(request, "after", INT64_MAX, INT64_MAX));
  SLUICE_TRY(limit, number_of(request, "limit", 50, page_max));
  SLUICE_TRY(one, model_to_json(api, request.principal.workspace, request.params.at(0),
                                {.before = before, .limit = static_cast<std::size_t>(limit)}));
  return json_response(one);
}

Result<ports::Response> show_version(const NativeApi& api, const ports::Request& request) {
  const auto& workspace = request.principal.workspace;
  SLUICE_TRY(version, api.models.resolve(workspace, request.params.at(0), request.params.at(1)));
  SLUICE_TRY(files, api.models.files(workspace, version));
  SLUICE_TRY(described, version_to_json(api, workspace, version));
  Struct s = *described.if_struct();
  s.set("repository", api.models.path_of(workspace, version.model).string());
  List list;
  for (const auto& file : files) {
    Struct entry;
    entry.set("path", file.path);
    entry.set("size", file.size);
    entry.set("digest", file.digest.hex());
    list.emplace_back(std::move(entry));
    if (file.path != "model.json") continue;
    SLUICE_TRY(text, api.models.read(workspace, version, file.path));
    if (auto about = parse_json(text, "model.json")) s.set("about", std::move(*about));
  }
  s.set("files", std::move(list));
  return json_response(s);
}

}  // namespace

void add_model_routes(const NativeApi& api, ports::Protocol& protocol) {
  auto& routes = protocol.routes;
  routes.push_back({.method = "GET", .pattern = "/v1/models", .handler = sync_handler([api](const auto& r) {
                                                                return list(api, r);
                                                              })});
  routes.push_back({.method = "GET",
                    .pattern = "/v1/models/{}",
                    .handler = sync_handler([api](const auto& r) { return show(api, r); })});
  routes.push_back({.method = "GET",
                    .pattern = "/v1/models/{}/versions/{}",
                    .handler = sync_handler([api](const auto& r) { return show_version(api, r); })});
}

}  // namespace sluice::api
