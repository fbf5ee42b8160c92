#pragma once
// JSON shapes of the model registry.
#include "sluice/api/mlflow/responses.hpp"
#include "sluice/ports/model_registry.hpp"

namespace sluice::api::mlflow {

/// The fields of a model, and those of a version.
void write_model(JsonObject& object, const ports::RegisteredModel& model);
void write_version(JsonObject& object, const ports::RegisteredVersion& version);

ports::Response one_model(const ports::RegisteredModel& model);
ports::Response one_version(const ports::RegisteredVersion& version);
/// {"model_versions": […], "next_page_token": …}
ports::Response versions_response(const std::vector<ports::RegisteredVersion>& versions,
                                  const std::string& next_token);
/// A successful change, for the log of changes.
ports::Response changed(ports::Response response, std::string subject);
/// "NAME v3"
std::string name_of(const ports::RegisteredVersion& version);

}  // namespace sluice::api::mlflow
