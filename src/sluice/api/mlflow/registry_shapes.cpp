#include "sluice/api/mlflow/registry_shapes.hpp"

#include <fmt/format.h>

namespace sluice::api::mlflow {

void write_version(JsonObject& object, const ports::RegisteredVersion& version) {
  object.text("name", version.model);
  object.text("version", std::to_string(version.number));
  object.integer("creation_timestamp", version.created.time_since_epoch().count());
  object.integer("last_updated_timestamp", version.updated.time_since_epoch().count());
  object.text("user_id", version.user);
  object.text("current_stage", version.stage);
  object.text("description", version.description);
  object.text("source", version.source);
  object.text("run_id", version.run);
  object.text("status", "READY");
  object.text("run_link", version.run_link);
  write_pairs(object, "tags", version.tags);
  if (!version.aliases.empty())
    object.tagged("aliases", List(version.aliases.begin(), version.aliases.end()));
}

void write_model(JsonObject& object, const ports::RegisteredModel& model) {
  object.text("name", model.name);
  object.integer("creation_timestamp", model.created.time_since_epoch().count());
  object.integer("last_updated_timestamp", model.updated.time_since_epoch().count());
  if (!model.description.empty()) object.text("description", model.description);
  if (!model.newest.empty()) {
    auto list = object.list("latest_versions");
    for (const auto& version : model.newest) {
      auto one = list.object();
      write_version(one, version);
      one.end();
    }
    list.end();
  }
  write_pairs(object, "tags", model.tags);
  if (!model.aliases.empty()) {
    auto list = object.list("aliases");
    for (const auto& [alias, number] : model.aliases) {
      auto one = list.object();
      one.text("alias", alias);
      one.text("version", std::to_string(number));
      one.end();
    }
    list.end();
  }
}

ports::Response one_model(const ports::RegisteredModel& model) {
  std::string body;
  JsonObject object(body);
  auto one = object.object("registered_model");
  write_model(one, model);
  one.end();
  object.end();
  return changed(json(std::move(body)), model.name);
}

ports::Response one_version(const ports::RegisteredVersion& version) {
  std::string body;
  JsonObject object(body);
  auto one = object.object("model_version");
  write_version(one, version);
  one.end();
  object.end();
  return changed(json(std::move(body)), name_of(version));
}

ports::Response versions_response(const std::vector<ports::RegisteredVersion>& versions,
                                  const std::string& next_token) {
  return list_response("model_versions", versions, next_token, write_version);
}

ports::Response changed(ports::Response response, std::string subject) {
  response.subject = std::move(subject);
  return response;
}

std::string name_of(const ports::RegisteredVersion& version) {
  return fmt::format("{} v{}", version.model, version.number);
}

}  // namespace sluice::api::mlflow
