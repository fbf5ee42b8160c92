#include "sluice/api/native/responses.hpp"
#include "sluice/base/json.hpp"

namespace sluice::api {
namespace {

Value version_to_json(const ports::ModelVersion& version) {
  Struct s;
  s.set("model", version.model);
  s.set("version", version.number);
  s.set("commit", version.commit);
  s.set("created", to_iso8601(version.created));
  s.set("user", version.user);
  if (!version.run.empty()) s.set("run", version.run);
  if (!version.description.empty()) s.set("description", version.description);
  s.set("aliases", List(version.aliases.begin(), version.aliases.end()));
  return s;
}

Result<Value> model_to_json(const NativeApi& api, const std::string& workspace, const std::string& model) {
  SLUICE_TRY(versions, api.models.versions(workspace, model));
  Struct s;
  s.set("model", model);
  s.set("repository", api.models.path_of(workspace, model).string());
  List list;
  for (const auto& version : versions) list.push_back(version_to_json(version));
  s.set("versions", std::move(list));
  return Value(std::move(s));
}

Result<ports::Response> list(const NativeApi& api, const ports::Request& request) {
  SLUICE_TRY(models, api.models.models(request.principal.workspace));
  List out;
  for (const auto& model : models) {
    SLUICE_TRY(one, model_to_json(api, request.principal.workspace, model));
    out.push_back(std::move(one));
  }
  Struct result;
  result.set("models", std::move(out));
  return json_response(result);
}

Result<ports::Response> show(const NativeApi& api, const ports::Request& request) {
  SLUICE_TRY(one, model_to_json(api, request.principal.workspace, request.params.at(0)));
  return json_response(one);
}

Result<ports::Response> show_version(const NativeApi& api, const ports::Request& request) {
  const auto& workspace = request.principal.workspace;
  SLUICE_TRY(version, api.models.resolve(workspace, request.params.at(0), request.params.at(1)));
  SLUICE_TRY(files, api.models.files(workspace, version));
  auto described = version_to_json(version);
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
