#include "sluice/api/mlflow/responses.hpp"

#include <array>
#include <cmath>

namespace sluice::api::mlflow {
namespace {

struct ErrorName {
  int status;
  std::string_view code;
};

ErrorName name_of(const Error& error) {
  switch (error.code) {
    case Code::invalid_argument:
    case Code::failed_precondition: return {.status = 400, .code = "INVALID_PARAMETER_VALUE"};
    case Code::not_found: return {.status = 404, .code = "RESOURCE_DOES_NOT_EXIST"};
    case Code::already_exists: return {.status = 400, .code = "RESOURCE_ALREADY_EXISTS"};
    case Code::conflict: return {.status = 409, .code = "RESOURCE_CONFLICT"};
    case Code::permission_denied: return {.status = 403, .code = "PERMISSION_DENIED"};
    case Code::unauthenticated: return {.status = 401, .code = "UNAUTHENTICATED"};
    case Code::too_large: return {.status = 413, .code = "INVALID_PARAMETER_VALUE"};
    case Code::exhausted: return {.status = 429, .code = "RESOURCE_EXHAUSTED"};
    case Code::disk_full: return {.status = 507, .code = "RESOURCE_LIMIT_EXCEEDED"};
    case Code::unavailable: return {.status = 503, .code = "TEMPORARILY_UNAVAILABLE"};
    case Code::deadline_exceeded: return {.status = 504, .code = "DEADLINE_EXCEEDED"};
    case Code::cancelled: return {.status = 499, .code = "CANCELLED"};
    case Code::data_loss: return {.status = 500, .code = "DATA_LOSS"};
    case Code::internal: break;
  }
  return {.status = 500, .code = "INTERNAL_ERROR"};
}

void write_dataset(JsonObject& object, const ports::DatasetInput& input) {
  {
    auto tags = object.list("tags");
    for (const auto& tag : input.tags) {
      auto one = tags.object();
      one.text("key", tag.key);
      one.text("value", tag.value);
      one.end();
    }
    tags.end();
  }
  auto dataset = object.object("dataset");
  dataset.text("name", input.name);
  dataset.text("digest", input.digest);
  dataset.text("source_type", input.source_type);
  dataset.text("source", input.source);
  if (!input.schema.empty()) dataset.text("schema", input.schema);
  if (!input.profile.empty()) dataset.text("profile", input.profile);
  dataset.end();
}

void write_model_uses(JsonObject& object, std::string_view name, const std::vector<ports::ModelUse>& uses,
                      bool with_step) {
  if (uses.empty()) return;
  auto list = object.list(name);
  for (const auto& use : uses) {
    auto one = list.object();
    one.text("model_id", use.model);
    if (with_step) one.integer("step", use.step);
    one.end();
  }
  list.end();
}

}  // namespace

ports::Response error_response(const Error& error) {
  const auto [status, code] = name_of(error);
  ports::Response response{.status = status};
  JsonObject body(response.body);
  body.text("error_code", code);
  body.text("message", error.message);
  body.end();
  return response;
}

ports::Response json(std::string body) { return {.body = std::move(body)}; }
ports::Response empty() { return {.body = "{}"}; }

void Routes::add(std::string_view method, std::string_view path, const Handle& handle, const More& more) {
  const ports::Handler handler = [handle, admit_task = more.admit_task, begin_missing = more.begin_missing](
                                     const ports::Request& request, ports::Responder respond) {
    const auto answer = [&]() -> Result<ports::Response> {
      SLUICE_TRY(fields, Fields::of(request));
      if (request.task && admit_task) SLUICE_DO(admit_task(fields, request));
      auto response = handle(fields, request);
      if (response || response.error().code != Code::not_found || !begin_missing) return response;
      SLUICE_TRY(has_begun, begin_missing(fields, request));
      return has_begun ? handle(fields, request) : std::move(response);
    };
    auto response = answer();
    respond(response ? std::move(*response) : error_response(response.error()));
  };
  for (const std::string_view tree : {"/api/", "/ajax-api/"})
    add_plain({.method = std::string(method),
               .pattern = std::string(tree) + more.version + "/mlflow" + std::string(path),
               .handler = handler,
               .body_max = more.body_max,
               .is_brief = more.is_brief,
               .role = more.role,
               .for_tasks = more.admit_task != nullptr,
               .change = more.change});
}

void Routes::add_plain(ports::Route route) {
  protocol_.routes.push_back(route);
  route.pattern = "/mlflow" + route.pattern;
  protocol_.routes.push_back(std::move(route));
}

void write_pairs(JsonObject& object, std::string_view name, const std::vector<ports::KeyValue>& pairs) {
  if (pairs.empty()) return;
  auto list = object.list(name);
  for (const auto& pair : pairs) {
    auto one = list.object();
    one.text("key", pair.key);
    one.text("value", pair.value);
    one.end();
  }
  list.end();
}

void write_experiment(JsonObject& object, const ports::Experiment& experiment) {
  object.text("experiment_id", std::to_string(experiment.id));
  object.text("name", experiment.name);
  object.text("artifact_location", experiment.artifact_location);
  object.text("lifecycle_stage", experiment.active ? "active" : "deleted");
  object.integer("last_update_time", experiment.updated.time_since_epoch().count());
  object.integer("creation_time", experiment.created.time_since_epoch().count());
  write_pairs(object, "tags", experiment.tags);
  object.text("workspace", "default");
}

void write_point(JsonObject& object, std::string_view key, const ports::MetricPoint& point) {
  object.text("key", key);
  if (std::isnan(point.value))
    object.text("value", "NaN");
  else
    object.number("value", point.value);
  object.integer("timestamp", point.at_ms);
  object.integer("step", point.step);
}

void write_run_info(JsonObject& info, const ports::TrackedRun& run) {
  info.text("run_uuid", run.id);
  info.text("experiment_id", std::to_string(run.experiment));
  info.text("run_name", run.name);
  info.text("user_id", run.user);
  info.text("status", ports::name(run.status));
  info.integer("start_time", run.started_ms);
  if (run.ended_ms) info.integer("end_time", *run.ended_ms);
  info.text("artifact_uri", run.artifact_uri);
  info.text("lifecycle_stage", run.active ? "active" : "deleted");
  info.text("run_id", run.id);
}

void write_run(JsonObject& object, const ports::TrackedRun& run) {
  auto info = object.object("info");
  write_run_info(info, run);
  info.end();
  auto data = object.object("data");
  if (!run.metrics.empty()) {
    auto metrics = data.list("metrics");
    for (const auto& metric : run.metrics) {
      auto one = metrics.object();
      write_point(one, metric.key, metric.point);
      one.end();
    }
    metrics.end();
  }
  write_pairs(data, "params", run.parameters);
  write_pairs(data, "tags", run.tags);
  data.end();
  auto inputs = object.object("inputs");
  if (!run.datasets.empty()) {
    auto datasets = inputs.list("dataset_inputs");
    for (const auto& input : run.datasets) {
      auto one = datasets.object();
      write_dataset(one, input);
      one.end();
    }
    datasets.end();
  }
  write_model_uses(inputs, "model_inputs", run.model_inputs, false);
  inputs.end();
  auto outputs = object.object("outputs");
  write_model_uses(outputs, "model_outputs", run.model_outputs, true);
  outputs.end();
}

std::function<bool(const ports::Request&)> small_and_quick(const MlflowApi& api) {
  return [api](const ports::Request& request) {
    constexpr std::size_t small = std::size_t{8} << 10;
    return request.body.size() <= small && api.experiments.store().is_quick();
  };
}

}  // namespace sluice::api::mlflow
