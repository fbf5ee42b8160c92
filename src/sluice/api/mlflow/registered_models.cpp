// Registered models, their tags and their aliases.
#include <fmt/format.h>

#include "sluice/api/mlflow/registry_shapes.hpp"
#include "sluice/api/mlflow/searches.hpp"

namespace sluice::api::mlflow {
namespace {

Result<ports::Response> create(const MlflowApi& api, const Fields& fields, const Principal& by) {
  SLUICE_TRY(name, fields.needed("name"));
  SLUICE_TRY(description, fields.text("description"));
  SLUICE_TRY(tags, fields.pairs("tags"));
  SLUICE_TRY(made, api.registry.create(by, name, description, std::move(tags)));
  return one_model(made);
}

Result<ports::Response> get(const MlflowApi& api, const Fields& fields, const Principal& by) {
  SLUICE_TRY(name, fields.needed("name"));
  SLUICE_TRY(model, api.registry.model(by, name));
  return one_model(model);
}

Result<ports::Response> update(const MlflowApi& api, const Fields& fields, const Principal& by) {
  SLUICE_TRY(name, fields.needed("name"));
  SLUICE_TRY(description, fields.text("description"));
  SLUICE_TRY(model, api.registry.describe(by, name, description));
  return one_model(model);
}

Result<ports::Response> rename(const MlflowApi& api, const Fields& fields, const Principal& by) {
  SLUICE_TRY(name, fields.needed("name"));
  SLUICE_TRY(new_name, fields.needed("new_name"));
  SLUICE_TRY(model, api.registry.rename(by, name, new_name));
  return changed(one_model(model), fmt::format("{} -> {}", name, new_name));
}

Result<ports::Response> remove(const MlflowApi& api, const Fields& fields, const Principal& by) {
  SLUICE_TRY(name, fields.needed("name"));
  SLUICE_DO(api.registry.remove(by, name));
  return changed(empty(), name);
}

Result<ports::Response> set_tag(const MlflowApi& api, const Fields& fields, const Principal& by) {
  SLUICE_TRY(name, fields.needed("name"));
  SLUICE_TRY(key, fields.needed("key"));
  SLUICE_TRY(value, fields.text("value"));
  SLUICE_DO(api.registry.set_tag(by, name, {.key = std::move(key), .value = std::move(value)}));
  return changed(empty(), name);
}

Result<ports::Response> remove_tag(const MlflowApi& api, const Fields& fields, const Principal& by) {
  SLUICE_TRY(name, fields.needed("name"));
  SLUICE_TRY(key, fields.needed("key"));
  SLUICE_DO(api.registry.remove_tag(by, name, key));
  return changed(empty(), name);
}

Result<ports::Response> set_alias(const MlflowApi& api, const Fields& fields, const Principal& by) {
  SLUICE_TRY(name, fields.needed("name"));
  SLUICE_TRY(alias, fields.needed("alias"));
  SLUICE_TRY(version, fields.needed("version"));
  SLUICE_DO(api.registry.set_alias(by, name, alias, version));
  return changed(empty(), fmt::format("{} {} -> v{}", name, alias, version));
}

Result<ports::Response> remove_alias(const MlflowApi& api, const Fields& fields, const Principal& by) {
  SLUICE_TRY(name, fields.needed("name"));
  SLUICE_TRY(alias, fields.needed("alias"));
  SLUICE_DO(api.registry.remove_alias(by, name, alias));
  return changed(empty(), fmt::format("{} {} -> none", name, alias));
}

Result<ports::Response> version_of_alias(const MlflowApi& api, const Fields& fields, const Principal& by) {
  SLUICE_TRY(name, fields.needed("name"));
  SLUICE_TRY(alias, fields.needed("alias"));
  SLUICE_TRY(version, api.registry.version_of_alias(by, name, alias));
  return one_version(version);
}

Result<ports::Response> latest(const MlflowApi& api, const Fields& fields, const Principal& by) {
  SLUICE_TRY(name, fields.needed("name"));
  SLUICE_TRY(stages, fields.texts("stages"));
  SLUICE_TRY(versions, api.registry.newest(by, name, stages));
  return versions_response(versions, "");
}

Result<ports::Response> search(const MlflowApi& api, const Fields& fields, const Principal& by) {
  constexpr std::int64_t results = 100;
  constexpr std::int64_t results_max = 1000;
  SLUICE_TRY(asked, search_of(fields, tracking::registered_model_search(),
                              {.limit = results, .limit_max = results_max}));
  SLUICE_TRY(found, api.registry.search(by, asked));
  return page_response("registered_models", std::move(found), asked, write_model);
}

}  // namespace

void add_registered_model_routes(const MlflowApi& api, Routes& routes) {
  const auto with = [api](auto work) {
    return
        [api, work](const Fields& fields, const ports::Request& r) { return work(api, fields, r.principal); };
  };
  routes.add("POST", "/registered-models/create", with(create), {.change = "model.create"});
  routes.add("GET", "/registered-models/get", with(get));
  routes.add("PATCH", "/registered-models/update", with(update), {.change = "model.describe"});
  routes.add("POST", "/registered-models/rename", with(rename), {.change = "model.rename"});
  routes.add("DELETE", "/registered-models/delete", with(remove), {.change = "model.delete"});
  routes.add("POST", "/registered-models/set-tag", with(set_tag), {.change = "model.tag"});
  routes.add("DELETE", "/registered-models/delete-tag", with(remove_tag), {.change = "model.untag"});
  routes.add("POST", "/registered-models/alias", with(set_alias), {.change = "model.alias"});
  routes.add("DELETE", "/registered-models/alias", with(remove_alias), {.change = "model.alias"});
  routes.add("GET", "/registered-models/alias", with(version_of_alias));
  routes.add_search("/registered-models/get-latest-versions", with(latest));
  routes.add("GET", "/registered-models/get-latest-versions", with(latest));
  routes.add("GET", "/registered-models/search", with(search));
}

}  // namespace sluice::api::mlflow
