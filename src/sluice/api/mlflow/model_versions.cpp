// Versions of registered models.
#include <fmt/format.h>

#include "sluice/api/mlflow/registry_shapes.hpp"
#include "sluice/api/mlflow/searches.hpp"

namespace sluice::api::mlflow {
namespace {

/// Texts of prompts are tags of versions.
constexpr std::size_t version_bytes_max = std::size_t{2} << 20;

struct Which {
  std::string name;
  std::string version;
};
Result<Which> which(const Fields& fields) {
  SLUICE_TRY(name, fields.needed("name"));
  SLUICE_TRY(version, fields.needed("version"));
  return Which{.name = std::move(name), .version = std::move(version)};
}

Result<std::optional<std::string>> given(const Fields& fields, std::string_view name) {
  if (!fields.has(name)) return std::nullopt;
  SLUICE_TRY(text, fields.text(name));
  return text;
}

Result<ports::Response> create(const MlflowApi& api, const Fields& fields, const Principal& by) {
  models::Registry::NewVersion version;
  SLUICE_TRY(name, fields.needed("name"));
  version.model = std::move(name);
  SLUICE_TRY(source, fields.needed("source"));
  version.source = std::move(source);
  SLUICE_TRY(run, given(fields, "run_id"));
  version.run = std::move(run);
  SLUICE_TRY(logged, given(fields, "model_id"));
  version.logged_model = std::move(logged);
  SLUICE_TRY(link, fields.text("run_link"));
  version.run_link = std::move(link);
  SLUICE_TRY(description, fields.text("description"));
  version.description = std::move(description);
  SLUICE_TRY(tags, fields.pairs("tags"));
  version.tags = std::move(tags);
  SLUICE_TRY(made, api.registry.create_version(by, std::move(version)));
  return one_version(made);
}

Result<ports::Response> get(const MlflowApi& api, const Fields& fields, const Principal& by) {
  SLUICE_TRY(asked, which(fields));
  SLUICE_TRY(version, api.registry.version(by, asked.name, asked.version));
  return one_version(version);
}

Result<ports::Response> update(const MlflowApi& api, const Fields& fields, const Principal& by) {
  SLUICE_TRY(asked, which(fields));
  SLUICE_TRY(description, fields.text("description"));
  SLUICE_TRY(version, api.registry.describe_version(by, asked.name, asked.version, description));
  return one_version(version);
}

Result<ports::Response> set_stage(const MlflowApi& api, const Fields& fields, const Principal& by) {
  SLUICE_TRY(asked, which(fields));
  SLUICE_TRY(stage, fields.needed("stage"));
  SLUICE_TRY(archive, fields.flag("archive_existing_versions"));
  SLUICE_TRY(version, api.registry.set_stage(by, asked.name, asked.version, stage, archive.value_or(false)));
  return one_version(version);
}

Result<ports::Response> remove(const MlflowApi& api, const Fields& fields, const Principal& by) {
  SLUICE_TRY(asked, which(fields));
  SLUICE_DO(api.registry.remove_version(by, asked.name, asked.version));
  return changed(empty(), fmt::format("{} v{}", asked.name, asked.version));
}

Result<ports::Response> set_tag(const MlflowApi& api, const Fields& fields, const Principal& by) {
  SLUICE_TRY(asked, which(fields));
  SLUICE_TRY(key, fields.needed("key"));
  SLUICE_TRY(value, fields.text("value"));
  SLUICE_DO(api.registry.set_version_tag(by, asked.name, asked.version,
                                         {.key = std::move(key), .value = std::move(value)}));
  return changed(empty(), fmt::format("{} v{}", asked.name, asked.version));
}

Result<ports::Response> remove_tag(const MlflowApi& api, const Fields& fields, const Principal& by) {
  SLUICE_TRY(asked, which(fields));
  SLUICE_TRY(key, fields.needed("key"));
  SLUICE_DO(api.registry.remove_version_tag(by, asked.name, asked.version, key));
  return changed(empty(), fmt::format("{} v{}", asked.name, asked.version));
}

Result<ports::Response> download_uri(const MlflowApi& api, const Fields& fields, const Principal& by) {
  SLUICE_TRY(asked, which(fields));
  SLUICE_TRY(version, api.registry.version(by, asked.name, asked.version));
  std::string body;
  JsonObject object(body);
  object.text("artifact_uri", models::Registry::address_of(version));
  object.end();
  return json(std::move(body));
}

Result<ports::Response> search(const MlflowApi& api, const Fields& fields, const Principal& by) {
  constexpr std::int64_t results = 10'000;
  constexpr std::int64_t results_max = 200'000;
  SLUICE_TRY(asked, search_of(fields, tracking::model_version_search(),
                              {.limit = results, .limit_max = results_max}));
  SLUICE_TRY(found, api.registry.search_versions(by, asked));
  const auto token = next_page(found, asked);
  return versions_response(found, token);
}

}  // namespace

void add_model_version_routes(const MlflowApi& api, Routes& routes) {
  const auto with = [api](auto work) {
    return
        [api, work](const Fields& fields, const ports::Request& r) { return work(api, fields, r.principal); };
  };
  routes.add("POST", "/model-versions/create", with(create),
             {.body_max = version_bytes_max, .change = "model.register"});
  routes.add("GET", "/model-versions/get", with(get));
  routes.add("PATCH", "/model-versions/update", with(update), {.change = "model.describe"});
  routes.add("POST", "/model-versions/transition-stage", with(set_stage), {.change = "model.stage"});
  routes.add("DELETE", "/model-versions/delete", with(remove), {.change = "model.delete"});
  routes.add("POST", "/model-versions/set-tag", with(set_tag), {.change = "model.tag"});
  routes.add("DELETE", "/model-versions/delete-tag", with(remove_tag), {.change = "model.untag"});
  routes.add("GET", "/model-versions/get-download-uri", with(download_uri));
  routes.add("GET", "/model-versions/search", with(search));
}

}  // namespace sluice::api::mlflow
