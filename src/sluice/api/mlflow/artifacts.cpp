// Files of runs, by path: MLflow's artifact store, and what its interface shows of it.
#include <array>

#include <fmt/format.h>

#include "sluice/api/mlflow/responses.hpp"
#include "sluice/api/mlflow/tasks.hpp"
#include "sluice/base/words.hpp"

namespace sluice::api::mlflow {
namespace {

constexpr std::size_t upload_max = std::size_t{1} << 40;
constexpr std::size_t page_size = 10'000;

/// Only what a client may open as it is; all else is bytes. Never a page of this server: see `file_response`.
std::string_view media_type_of(std::string_view path) {
  static constexpr auto types = std::to_array<std::pair<std::string_view, std::string_view>>({
      {".txt", "text/plain"},        {".log", "text/plain"},           {".md", "text/plain"},
      {".yaml", "text/plain"},       {".yml", "text/plain"},           {".csv", "text/csv"},
      {".json", "application/json"}, {".html", "text/html"},           {".png", "image/png"},
      {".jpg", "image/jpeg"},        {".jpeg", "image/jpeg"},          {".gif", "image/gif"},
      {".webp", "image/webp"},       {".svg", "image/svg+xml"},        {".pdf", "application/pdf"},
      {".py", "text/plain"},         {".mp3", "audio/mpeg"},           {".wav", "audio/wav"},
      {".mp4", "video/mp4"},         {".geojson", "application/json"},
  });
  const auto name = path.substr(path.rfind('/') == std::string_view::npos ? 0 : path.rfind('/') + 1);
  if (name == "MLmodel" || name == "MLproject") return "text/plain";
  for (const auto& [ending, type] : types)
    if (lower_ascii(name).ends_with(ending)) return type;
  return "application/octet-stream";
}

ports::Response file_response(const std::string& path, const Digest& digest) {
  const auto name = path.substr(path.rfind('/') + 1);
  return {.content_type = std::string(media_type_of(path)),
          .headers = {{"Content-Disposition", "attachment; filename*=UTF-8''" + percent_encode(name)},
                      {"Cache-Control", "no-cache"},
                      {"ETag", "\"" + digest.hex() + "\""}}};
}

ports::Response file_response(const MlflowApi& api, const ports::ArtifactFile& file) {
  auto response = file_response(file.path, file.digest);
  response.body_file = api.artifacts.bytes_of(file);
  return response;
}

/// A file of a version of a model.
Result<ports::Response> file_of_version(const MlflowApi& api, const Principal& by,
                                        const ports::RegisteredVersion& version, std::string_view path) {
  SLUICE_TRY(file, api.registry.file(by, version, path));
  auto response = file_response(file.path, file.digest);
  response.body_file = std::move(file.object);
  response.body = std::move(file.bytes);
  return response;
}

Result<ports::Response> file_at(const MlflowApi& api, const Principal& by, const std::string& path) {
  SLUICE_TRY(checked, tracking::checked_artifact_path(path));
  SLUICE_TRY(inside, api.registry.inside(by, checked));
  if (inside) return file_of_version(api, by, inside->version, inside->path);
  SLUICE_TRY(file, api.artifacts.find(by, checked));
  return file_response(api, file);
}

Result<ports::Response> file_of_registered(const MlflowApi& api, const Fields& fields, const Principal& by) {
  SLUICE_TRY(path, fields.needed("path"));
  SLUICE_TRY(name, fields.needed("name"));
  SLUICE_TRY(number, fields.needed("version"));
  SLUICE_TRY(below, tracking::checked_artifact_path(path));
  SLUICE_TRY(version, api.registry.version(by, name, number));
  return file_of_version(api, by, version, below);
}

void write_entry(JsonObject& object, const std::string& path, const ports::ArtifactEntry& entry) {
  object.text("path", path);
  object.boolean("is_dir", entry.is_folder);
  if (!entry.is_folder) object.integer("file_size", entry.size);
  object.end();
}

/// Also where there are none: MLflow leaves the list out, and its page that compares runs fails then.
void write_entries(JsonObject& object, const std::string& above,
                   const std::vector<ports::ArtifactEntry>& entries) {
  auto files = object.list("files");
  for (const auto& entry : entries) {
    auto one = files.object();
    write_entry(one, above + entry.name, entry);
  }
  files.end();
}

/// All entries of a folder, whose paths begin with `above`; `token` is that of the page.
Result<void> write_list(const MlflowApi& api, const Principal& by, const std::string& folder,
                        const std::string& above, const std::string& token, JsonObject& object) {
  SLUICE_TRY(entries, api.artifacts.list(by, folder, token, page_size + 1));
  std::string next;
  if (entries.size() > page_size) {
    entries.resize(page_size);
    next = entries.back().name + (entries.back().is_folder ? "/" : "");
  }
  write_entries(object, above, entries);
  if (!next.empty()) object.text("next_page_token", next);
  return {};
}

/// Where a run's artifacts are in this store. An error for one that has them elsewhere.
Result<std::string> folder_of(const std::string& uri) {
  if (uri.starts_with(tracking::artifact_root)) return uri.substr(tracking::artifact_root.size());
  return Fail(user_error(Code::failed_precondition,
                         fmt::format("the artifacts are at `{}`, which this server does not store", uri)));
}

struct Listed {
  const std::string& uri;
  const std::string& path;
  const std::string& token;
};
Result<ports::Response> list_below(const MlflowApi& api, const Principal& by, const Listed& what) {
  SLUICE_TRY(root, folder_of(what.uri));
  SLUICE_TRY(below, tracking::checked_artifact_path(what.path));
  std::string body;
  JsonObject object(body);
  object.text("root_uri", what.uri);
  SLUICE_DO(write_list(api, by, below.empty() ? root : root + "/" + below, below.empty() ? "" : below + "/",
                       what.token, object));
  object.end();
  return json(std::move(body));
}

Result<ports::Response> file_below(const MlflowApi& api, const Principal& by, const std::string& uri,
                                   const std::string& path) {
  SLUICE_TRY(root, folder_of(uri));
  SLUICE_TRY(below, tracking::checked_artifact_path(path));
  SLUICE_TRY(file, api.artifacts.find(by, root + "/" + below));
  return file_response(api, file);
}

Result<ports::Response> list_of_run(const MlflowApi& api, const Fields& fields, const Principal& by) {
  SLUICE_TRY(id, fields.run_id());
  SLUICE_TRY(path, fields.text("path"));
  SLUICE_TRY(token, fields.text("page_token"));
  SLUICE_TRY(run, find_run(api, by, id));
  return list_below(api, by, {.uri = run.artifact_uri, .path = path, .token = token});
}

Result<ports::Response> list(const MlflowApi& api, const Fields& fields, const Principal& by) {
  SLUICE_TRY(path, fields.text("path"));
  SLUICE_TRY(token, fields.text("page_token"));
  SLUICE_TRY(checked, tracking::checked_artifact_path(path));
  SLUICE_TRY(inside, api.registry.inside(by, checked));
  std::string body;
  JsonObject object(body);
  if (inside) {
    SLUICE_TRY(entries, api.registry.list(by, inside->version, inside->path));
    write_entries(object, "", entries);
  } else {
    SLUICE_DO(write_list(api, by, path, "", token, object));
  }
  object.end();
  return json(std::move(body));
}

Result<ports::Response> file_of_run(const MlflowApi& api, const Fields& fields, const Principal& by) {
  SLUICE_TRY(id, fields.run_id());
  SLUICE_TRY(path, fields.needed("path"));
  SLUICE_TRY(run, find_run(api, by, id));
  return file_below(api, by, run.artifact_uri, path);
}

Result<ports::Response> list_of_model(const MlflowApi& api, const Fields& fields,
                                      const ports::Request& request) {
  SLUICE_TRY(path, fields.text("artifact_directory_path"));
  SLUICE_TRY(token, fields.text("page_token"));
  SLUICE_TRY(model, api.logged_models.find(request.principal, request.params.at(0)));
  return list_below(api, request.principal, {.uri = model.artifact_location, .path = path, .token = token});
}

Result<ports::Response> file_of_model(const MlflowApi& api, const Fields& fields,
                                      const ports::Request& request) {
  SLUICE_TRY(path, fields.needed("artifact_file_path"));
  SLUICE_TRY(model, api.logged_models.find(request.principal, request.params.at(0)));
  return file_below(api, request.principal, model.artifact_location, path);
}

}  // namespace

Result<void> refuse_versions(const std::string& path) {
  SLUICE_TRY(checked, tracking::checked_artifact_path(path));
  if (!models::Registry::is_inside(checked)) return {};
  return Fail(user_error(
      Code::invalid_argument,
      fmt::format("`{}` is the path of a version of a model, which never changes; register another one",
                  checked)));
}

ports::Handler handler_of(std::function<Result<ports::Response>(const ports::Request&)> work) {
  return [work = std::move(work)](const ports::Request& request, ports::Responder respond) {
    auto response = work(request);
    respond(response ? std::move(*response) : error_response(response.error()));
  };
}

Result<ports::Response> trace_file(const MlflowApi& api, const Principal& by, const ports::Trace& trace,
                                   const std::string& path) {
  for (const auto& tag : trace.tags)
    if (tag.key == tracking::trace_location_tag) return file_below(api, by, tag.value, path);
  return Fail(user_error(Code::not_found, fmt::format("Trace data not found for path={}", path)));
}

void add_artifact_routes(const MlflowApi& api, Routes& routes) {
  const auto with = [api](auto work) {
    return handler_of([api, work](const ports::Request& request) -> Result<ports::Response> {
      SLUICE_TRY(fields, Fields::of(request));
      return work(api, fields, request.principal);
    });
  };
  routes.add("GET", "/artifacts/list",
             [api](const Fields& fields, const auto& r) { return list_of_run(api, fields, r.principal); });
  routes.add("GET", "/logged-models/{}/artifacts/directories",
             [api](const Fields& fields, const auto& r) { return list_of_model(api, fields, r); });
  routes.add("GET", "/logged-models/{}/artifacts/files",
             [api](const Fields& fields, const auto& r) { return file_of_model(api, fields, r); });
  routes.add_plain({.method = "GET", .pattern = "/get-artifact", .handler = with(file_of_run)});
  routes.add_plain(
      {.method = "GET", .pattern = "/model-versions/get-artifact", .handler = with(file_of_registered)});
  for (const std::string tree : {"/api", "/ajax-api"}) {
    const auto root = tree + "/2.0/mlflow-artifacts/artifacts";
    routes.add_plain({.method = "GET", .pattern = root, .handler = with(list)});
    routes.add_plain({.method = "GET",
                      .pattern = root + "/{*}",
                      .handler = handler_of([api](const ports::Request& r) -> Result<ports::Response> {
                        return file_at(api, r.principal, r.params.at(0));
                      })});
    routes.add_plain({.method = "PUT",
                      .pattern = root + "/{*}",
                      .handler = handler_of([api](const ports::Request& r) -> Result<ports::Response> {
                        SLUICE_DO(refuse_versions(r.params.at(0)));
                        SLUICE_DO(admit_to_file(api, r, r.params.at(0)));
                        const auto digest = r.body_digest ? r.body_digest() : std::nullopt;
                        SLUICE_DO(api.artifacts.put(r.principal, r.params.at(0), r.body_file, digest));
                        return empty();
                      }),
                      .body_max = upload_max,
                      .body_to_file = true,
                      .hash_body = true,
                      .for_tasks = true});
    routes.add_plain({.method = "DELETE",
                      .pattern = root + "/{*}",
                      .handler = handler_of([api](const ports::Request& r) -> Result<ports::Response> {
                        SLUICE_DO(refuse_versions(r.params.at(0)));
                        SLUICE_DO(admit_to_file(api, r, r.params.at(0)));
                        SLUICE_DO(api.artifacts.remove(r.principal, r.params.at(0)));
                        return empty();
                      }),
                      .for_tasks = true});
  }
}

}  // namespace sluice::api::mlflow
