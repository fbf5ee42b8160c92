#include "sluice/domain/tracking/mlflow_server.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "sluice/base/json.hpp"
#include "sluice/base/numbers.hpp"
#include "sluice/base/words.hpp"
#include "sluice/domain/tracking/spans.hpp"

namespace sluice::tracking {
namespace {

constexpr std::size_t response_bytes_max = std::size_t{256} << 20;
constexpr std::string_view api = "/api/2.0/mlflow/";
constexpr int experiments_in_page = 1000;
constexpr int runs_in_page = 200;
constexpr int models_in_page = 50;  // as many as servers allow
constexpr int traces_in_page = 100;
constexpr int points_in_page = 25'000;
constexpr int folders_deep_max = 100;
constexpr std::string_view prompts_only = "tags.`mlflow.prompt.is_prompt` = 'true'";

const List& list_in(const Value* value) {
  static const List none;
  const auto* list = value != nullptr ? value->if_list() : nullptr;
  return list != nullptr ? *list : none;
}
const List& list_at(const Value& value, std::string_view key) { return list_in(value.find(key)); }

const Value& at(const Value& value, std::string_view key) {
  static const Value none;
  const auto* found = value.find(key);
  return found != nullptr ? *found : none;
}

/// Of a number, or of one that is written as a text.
std::optional<std::int64_t> integer_in(const Value& value) {
  if (const auto* number = value.if_integer()) return *number;
  if (const auto* text = value.if_string()) return parse_integer<std::int64_t>(*text);
  if (const auto number = value.as_double(); number && std::abs(*number) < 9e15)
    return static_cast<std::int64_t>(*number);
  return std::nullopt;
}
std::int64_t integer_at(const Value& value, std::string_view key) {
  return integer_in(at(value, key)).value_or(0);
}

/// JSON has no such numbers, so they are written as texts.
double value_at(const Value& value, std::string_view key) {
  const auto& field = at(value, key);
  if (const auto number = field.as_double()) return *number;
  const auto text = value.text_at(key);
  constexpr auto infinite = std::numeric_limits<double>::infinity();
  if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (text == "Infinity") return infinite;
  return text == "-Infinity" ? -infinite : 0;
}

Time time_at(const Value& value, std::string_view key) { return Time(Milliseconds(integer_at(value, key))); }

std::vector<ports::KeyValue> pairs_in(const List& list) {
  std::vector<ports::KeyValue> pairs;
  for (const auto& pair : list) pairs.push_back({.key = pair.text_at("key"), .value = pair.text_at("value")});
  std::ranges::sort(pairs, {}, &ports::KeyValue::key);
  return pairs;
}

ports::Metric metric_in(const Value& metric) {
  return {.key = metric.text_at("key"),
          .point = {.step = integer_at(metric, "step"),
                    .at_ms = integer_at(metric, "timestamp"),
                    .value = value_at(metric, "value")}};
}

ports::TrackedRun run_in(const Value& value, std::int64_t experiment) {
  const auto& info = at(value, "info");
  const auto& data = at(value, "data");
  ports::TrackedRun run{
      .id = info.text_at("run_id", info.text_at("run_uuid")),
      .experiment = experiment,
      .name = info.text_at("run_name"),
      .user = info.text_at("user_id"),
      .status = ports::tracked_status_named(info.text_at("status")).value_or(ports::TrackedStatus::failed),
      .started_ms = integer_at(info, "start_time"),
      .ended_ms = std::nullopt,
      .artifact_uri = {},
      .active = info.text_at("lifecycle_stage") != "deleted",
      .metrics = {},
      .parameters = pairs_in(list_at(data, "params")),
      .tags = pairs_in(list_at(data, "tags")),
      .datasets = {},
      .model_inputs = {},
      .model_outputs = {}};
  // It is the server that finds the files, by the run.
  run.artifact_uri = "runs:/" + run.id;
  if (info.find("end_time") != nullptr) run.ended_ms = integer_in(at(info, "end_time"));
  for (const auto& metric : list_at(data, "metrics")) run.metrics.push_back(metric_in(metric));
  for (const auto& input : list_at(at(value, "inputs"), "dataset_inputs")) {
    const auto& dataset = at(input, "dataset");
    run.datasets.push_back({.name = dataset.text_at("name"),
                            .digest = dataset.text_at("digest"),
                            .source_type = dataset.text_at("source_type"),
                            .source = dataset.text_at("source"),
                            .schema = dataset.text_at("schema"),
                            .profile = dataset.text_at("profile"),
                            .tags = pairs_in(list_at(input, "tags"))});
  }
  for (const auto& use : list_at(at(value, "inputs"), "model_inputs"))
    run.model_inputs.push_back({.model = use.text_at("model_id"), .step = 0});
  for (const auto& use : list_at(at(value, "outputs"), "model_outputs"))
    run.model_outputs.push_back({.model = use.text_at("model_id"), .step = integer_at(use, "step")});
  return run;
}

ports::LoggedModel model_in(const Value& value, std::int64_t experiment) {
  const auto& info = at(value, "info");
  const auto& data = at(value, "data");
  ports::LoggedModel model{.id = info.text_at("model_id"),
                           .experiment = experiment,
                           .name = info.text_at("name"),
                           .artifact_location = {},
                           .created = time_at(info, "creation_timestamp_ms"),
                           .updated = time_at(info, "last_updated_timestamp_ms"),
                           .status = ports::LoggedModelStatus::pending,
                           .type = info.text_at("model_type"),
                           .source_run = info.text_at("source_run_id"),
                           .parameters = pairs_in(list_at(data, "params")),
                           .tags = pairs_in(list_at(info, "tags")),
                           .metrics = {}};
  model.artifact_location = "models:/" + model.id;
  const auto status = info.text_at("status");
  if (status == "LOGGED_MODEL_READY") model.status = ports::LoggedModelStatus::ready;
  if (status == "LOGGED_MODEL_UPLOAD_FAILED") model.status = ports::LoggedModelStatus::upload_failed;
  for (const auto& metric : list_at(data, "metrics"))
    model.metrics.push_back({.metric = metric_in(metric),
                             .run = metric.text_at("run_id"),
                             .dataset_name = metric.text_at("dataset_name"),
                             .dataset_digest = metric.text_at("dataset_digest")});
  return model;
}

/// The path in the server's own store: "1/models" of "mlflow-artifacts:/1/models".
std::optional<std::string> served_path(std::string_view uri) {
  constexpr std::string_view scheme = "mlflow-artifacts:";
  if (!uri.starts_with(scheme)) return std::nullopt;
  uri.remove_prefix(scheme.size());
  if (uri.starts_with("//")) uri.remove_prefix(std::min(uri.find('/', 2), uri.size()));  // a host
  while (uri.starts_with('/')) uri.remove_prefix(1);
  while (uri.ends_with('/')) uri.remove_suffix(1);
  return std::string(uri);
}

/// "0123" of "runs:/0123".
std::string_view id_in(std::string_view uri) { return uri.substr(uri.find('/') + 1); }

}  // namespace

Result<std::optional<Value>> MlflowServer::ask(const std::string& method, const std::string& target,
                                               const Value& body) {
  std::string text;
  bool is_too_large = false;
  ports::Outbound::Request request{.method = method,
                                   .tls = address_.tls,
                                   .host = address_.host,
                                   .port = address_.port,
                                   .target = address_.path + target,
                                   .headers = address_.headers,
                                   .body = body.is_null() ? "" : to_json(body),
                                   .check_addresses = [](const auto&) { return Result<void>(); },
                                   .on_bytes =
                                       [&](const ports::Response&, std::string_view bytes) {
                                         is_too_large = text.size() + bytes.size() > response_bytes_max;
                                         if (!is_too_large) text += bytes;
                                         return !is_too_large;
                                       },
                                   .time_max = std::chrono::minutes(10),
                                   .silence_max = std::chrono::minutes(5)};
  if (!body.is_null()) request.headers.emplace_back("content-type", "application/json");
  auto response = outbound_.request(request);
  if (is_too_large)
    return Fail(environment_error(Code::too_large, address_.shown + ": one of its responses is too large"));
  if (!response) return Fail(std::move(response).error().at(address_.shown));
  if (response->status == 404 || response->status == 405 || response->status == 501) return std::nullopt;
  if (response->status == 401 || response->status == 403)
    return Fail(user_error(Code::unauthenticated,
                           address_.shown + ": it wants to know who asks; set MLFLOW_TRACKING_USERNAME and "
                                            "MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"));
  if (response->status < 200 || response->status > 299) {
    const auto said = parse_json(response->body, "response");
    return Fail(environment_error(
        Code::unavailable,
        fmt::format("{} responded with status {} to {}: {}", address_.shown, response->status,
                    target.substr(0, target.find('?')), said ? said->text_at("message") : "")));
  }
  SLUICE_TRY(parsed, parse_json(text, "response", {.bytes_max = response_bytes_max}));
  return parsed;
}

Result<void> MlflowServer::pages(const std::string& path, Struct body,
                                 const ports::Take<const Value&>& page) {
  for (;;) {
    SLUICE_TRY(response, ask("POST", std::string(api) + path, body));
    if (!response) return {};
    SLUICE_DO(page(*response));
    auto token = response->text_at("next_page_token");
    if (token.empty()) return {};
    body.set("page_token", std::move(token));
  }
}

Result<std::unique_ptr<MlflowServer>> MlflowServer::open(ports::Outbound& outbound, Address address) {
  std::unique_ptr<MlflowServer> server(new MlflowServer(outbound, std::move(address)));
  Struct body;
  body.set("max_results", 1);
  auto response = server->ask("POST", std::string(api) + "experiments/search", body);
  const auto is_one = response && *response && (*response)->is_struct();
  if (!is_one && (response || response.error().code == Code::invalid_argument))
    return Fail(user_error(Code::failed_precondition,
                           server->address_.shown + ": not a server of MLflow: it cannot list experiments"));
  if (!response) return Fail(std::move(response).error());
  return server;
}

Result<void> MlflowServer::experiments(const ports::Take<const ports::Experiment&>& take) {
  std::vector<ports::Experiment> found;
  Struct body;
  body.set("max_results", experiments_in_page);
  body.set("view_type", "ALL");
  SLUICE_DO(pages("experiments/search", std::move(body), [&](const Value& page) -> Result<void> {
    for (const auto& experiment : list_at(page, "experiments"))
      found.push_back({.id = integer_at(experiment, "experiment_id"),
                       .name = experiment.text_at("name"),
                       .artifact_location = experiment.text_at("artifact_location"),
                       .active = experiment.text_at("lifecycle_stage") != "deleted",
                       .created = time_at(experiment, "creation_time"),
                       .updated = time_at(experiment, "last_update_time"),
                       .tags = pairs_in(list_at(experiment, "tags"))});
    return {};
  }));
  std::ranges::sort(found, {}, &ports::Experiment::id);
  for (const auto& experiment : found) SLUICE_DO(take(experiment));
  return {};
}

Result<void> MlflowServer::runs(const ports::Experiment& experiment,
                                const ports::Take<const ports::TrackedRun&>& take) {
  Struct body;
  body.set("experiment_ids", List{std::to_string(experiment.id)});
  body.set("run_view_type", "ALL");
  body.set("max_results", runs_in_page);
  // Runs that begin meanwhile are at the end: no page is shifted.
  body.set("order_by", List{"attributes.start_time ASC"});
  return pages("runs/search", std::move(body), [&](const Value& page) -> Result<void> {
    for (const auto& found : list_at(page, "runs")) {
      // A search leaves out the models that a run used.
      const auto id = run_in(found, experiment.id).id;
      SLUICE_TRY(whole, ask("GET", fmt::format("{}runs/get?run_id={}", api, percent_encode(id)), {}));
      if (whole) SLUICE_DO(take(run_in(at(*whole, "run"), experiment.id)));
    }
    return {};
  });
}

Result<void> MlflowServer::histories(const ports::TrackedRun& run,
                                     const ports::Take<ports::MetricHistory>& take) {
  for (const auto& metric : run.metrics) {
    std::string token;
    do {
      auto target = fmt::format("{}metrics/get-history?run_id={}&metric_key={}&max_results={}", api,
                                percent_encode(run.id), percent_encode(metric.key), points_in_page);
      if (!token.empty()) target += "&page_token=" + percent_encode(token);
      SLUICE_TRY(page, ask("GET", target, {}));
      ports::MetricHistory history{.key = metric.key, .points = {}};
      if (page)
        for (const auto& point : list_at(*page, "metrics")) history.points.push_back(metric_in(point).point);
      token = page ? page->text_at("next_page_token") : "";
      // A server that does not know of pages responds with all.
      while (!history.points.empty()) {
        const auto part = std::min(history.points.size(), ports::history_points_max);
        const auto end = history.points.begin() + static_cast<std::ptrdiff_t>(part);
        SLUICE_DO(take({.key = metric.key, .points = {history.points.begin(), end}}));
        history.points.erase(history.points.begin(), end);
      }
    } while (!token.empty());
  }
  return {};
}

Result<void> MlflowServer::models(const ports::Experiment& experiment,
                                  const ports::Take<const ports::LoggedModel&>& take) {
  Struct body;
  body.set("experiment_ids", List{std::to_string(experiment.id)});
  body.set("max_results", models_in_page);
  return pages("logged-models/search", std::move(body), [&](const Value& page) -> Result<void> {
    for (const auto& model : list_at(page, "models")) SLUICE_DO(take(model_in(model, experiment.id)));
    return {};
  });
}

Result<void> MlflowServer::found_by(const std::string& target, const ports::Take<const Value&>& page) {
  std::string token;
  do {
    SLUICE_TRY(
        response,
        ask("GET", std::string(api) + target + (token.empty() ? "" : "&page_token=" + percent_encode(token)),
            {}));
    if (!response) return {};
    SLUICE_DO(page(*response));
    token = response->text_at("next_page_token");
  } while (!token.empty());
  return {};
}

Result<ports::RegisteredContent> MlflowServer::registered_in(const Value& found, bool is_prompt) {
  ports::RegisteredContent content;
  content.model = {.name = found.text_at("name"),
                   .created = time_at(found, "creation_timestamp"),
                   .updated = time_at(found, "last_updated_timestamp"),
                   .description = found.text_at("description"),
                   .tags = pairs_in(list_at(found, "tags")),
                   .aliases = {},
                   .newest = {}};
  const auto& name = content.model.name;
  for (const auto& alias : list_at(found, "aliases"))
    content.model.aliases.emplace(alias.text_at("alias"), integer_at(alias, "version"));
  // A quote ends the text of a filter, in one kind of quotes or the other.
  const auto* quote = name.contains('\'') ? "\"" : "'";
  const auto filter = percent_encode(fmt::format("name={}{}{}{}", quote, name, quote,
                                                 is_prompt ? fmt::format(" AND {}", prompts_only) : ""));
  SLUICE_DO(found_by(
      "model-versions/search?max_results=1000&filter=" + filter, [&](const Value& page) -> Result<void> {
        for (const auto& one : list_at(page, "model_versions")) {
          if (one.text_at("name") != name) continue;
          auto& version = content.versions.emplace_back();
          version.model = name;
          version.number = integer_at(one, "version");
          version.created = time_at(one, "creation_timestamp");
          version.updated = time_at(one, "last_updated_timestamp");
          version.description = one.text_at("description");
          version.user = one.text_at("user_id");
          version.stage = one.text_at("current_stage", std::string(ports::no_stage));
          version.source = one.text_at("source");
          version.run = one.text_at("run_id");
          version.run_link = one.text_at("run_link");
          version.logged_model = one.text_at("model_id");
          version.tags = pairs_in(list_at(one, "tags"));
          const auto target = fmt::format("{}model-versions/get-download-uri?name={}&version={}", api,
                                          percent_encode(name), version.number);
          SLUICE_TRY(storage, ask("GET", target, {}));
          if (storage) version.storage = storage->text_at("artifact_uri");
        }
        return {};
      }));
  return content;
}

Result<void> MlflowServer::registered(const ports::Take<const ports::RegisteredContent&>& take) {
  // Prompts are left out unless they are asked for.
  for (const bool is_prompt : {false, true}) {
    auto target = std::string("registered-models/search?max_results=1000");
    if (is_prompt) target += "&filter=" + percent_encode(prompts_only);
    SLUICE_DO(found_by(target, [&](const Value& page) -> Result<void> {
      for (const auto& model : list_at(page, "registered_models")) {
        SLUICE_TRY(content, registered_in(model, is_prompt));
        SLUICE_DO(take(content));
      }
      return {};
    }));
  }
  return {};
}

Result<void> MlflowServer::traces(const ports::Experiment& experiment,
                                  const ports::Take<const ports::WholeTrace&>& take) {
  Struct of_experiment;
  of_experiment.set("experiment_id", std::to_string(experiment.id));
  Struct location;
  location.set("type", "MLFLOW_EXPERIMENT");
  location.set("mlflow_experiment", std::move(of_experiment));
  Struct body;
  body.set("locations", List{Value(std::move(location))});
  body.set("max_results", traces_in_page);
  body.set("order_by", List{"timestamp_ms ASC"});
  for (;;) {
    SLUICE_TRY(page, ask("POST", "/api/3.0/mlflow/traces/search", body));
    if (!page) {
      has_no_traces_ = true;
      return {};
    }
    for (const auto& info : list_at(*page, "traces")) {
      ports::WholeTrace whole;
      whole.trace.id = info.text_at("trace_id");
      whole.trace.experiment = experiment.id;
      whole.written = info;
      SLUICE_TRY(
          data,
          ask("GET", "/ajax-api/2.0/mlflow/get-trace-artifact?request_id=" + percent_encode(whole.trace.id),
              {}));
      if (data)
        for (const auto& span : list_at(*data, "spans")) whole.spans.push_back(spaced_json(span));
      SLUICE_DO(take(whole));
    }
    auto token = page->text_at("next_page_token");
    if (token.empty()) return {};
    body.set("page_token", std::move(token));
  }
}

Result<std::vector<std::string>> MlflowServer::others() {
  if (!has_no_traces_) return std::vector<std::string>();
  return std::vector<std::string>{"traces, if there are any: its version has another way to ask for them"};
}

Result<void> MlflowServer::list(const std::string& uri, const ports::Take<const File&>& take) {
  if (const auto root = served_path(uri)) return list_served(*root, "", take);
  return list_folder(uri, "", take);
}

Result<void> MlflowServer::list_served(const std::string& root, const std::string& folder,
                                       const ports::Take<const File&>& take) {
  if (std::ranges::count(folder, '/') > folders_deep_max)
    return Fail(user_error(Code::failed_precondition, "its folders are too deep"));
  const auto place = folder.empty() ? root : root + "/" + folder;
  SLUICE_TRY(found, ask("GET", "/api/2.0/mlflow-artifacts/artifacts?path=" + percent_encode(place), {}));
  if (!found) return {};
  for (const auto& file : list_at(*found, "files")) {
    // Names here, not paths.
    const auto name = file.text_at("path");
    if (name.empty()) continue;
    const auto path = folder.empty() ? name : fmt::format("{}/{}", folder, name);
    SLUICE_DO(file.boolean_at("is_dir") ? list_served(root, path, take)
                                        : take({.path = path, .size = integer_at(file, "file_size")}));
  }
  return {};
}

Result<void> MlflowServer::list_folder(const std::string& uri, const std::string& folder,
                                       const ports::Take<const File&>& take) {
  if (std::ranges::count(folder, '/') > folders_deep_max)
    return Fail(user_error(Code::failed_precondition, "its folders are too deep"));
  const bool is_model = uri.starts_with("models:");
  std::vector<std::string> folders;
  std::string token;
  do {
    auto target = is_model
                      ? fmt::format("{}logged-models/{}/artifacts/directories?artifact_directory_path={}",
                                    api, percent_encode(id_in(uri)), percent_encode(folder))
                      : fmt::format("{}artifacts/list?run_id={}&path={}", api, percent_encode(id_in(uri)),
                                    percent_encode(folder));
    if (folder.empty()) target.resize(target.rfind(is_model ? '?' : '&'));
    if (!token.empty())
      target += (target.contains('?') ? "&page_token=" : "?page_token=") + percent_encode(token);
    SLUICE_TRY(page, ask("GET", target, {}));
    if (!page) return {};
    for (const auto& file : list_at(*page, "files")) {
      auto path = file.text_at("path");
      if (!file.boolean_at("is_dir")) {
        SLUICE_DO(take({.path = std::move(path), .size = integer_at(file, "file_size")}));
      } else {
        folders.push_back(std::move(path));
      }
    }
    token = page->text_at("next_page_token");
  } while (!token.empty());
  for (const auto& below : folders)
    if (below.size() > folder.size()) SLUICE_DO(list_folder(uri, below, take));
  return {};
}

Result<void> MlflowServer::read(const std::string& uri, const std::string& path,
                                const ports::Take<std::string_view>& take) {
  const auto served = served_path(uri);
  const auto target =
      served
          ? "/api/2.0/mlflow-artifacts/artifacts/" + percent_encode(fmt::format("{}/{}", *served, path), "/")
      : uri.starts_with("models:")
          ? fmt::format("/ajax-api/2.0/mlflow/logged-models/{}/artifacts/files?artifact_file_path={}",
                        percent_encode(id_in(uri)), percent_encode(path))
          : fmt::format("/get-artifact?run_id={}&path={}", percent_encode(id_in(uri)), percent_encode(path));
  std::optional<Error> of_taker;
  auto response = outbound_.request({.tls = address_.tls,
                                     .host = address_.host,
                                     .port = address_.port,
                                     .target = address_.path + target,
                                     .headers = address_.headers,
                                     .check_addresses = [](const auto&) { return Result<void>(); },
                                     .on_bytes =
                                         [&](const ports::Response&, std::string_view bytes) {
                                           auto taken = take(bytes);
                                           if (!taken) of_taker = taken.error();
                                           return taken.has_value();
                                         },
                                     .time_max = std::chrono::hours(24),
                                     .silence_max = std::chrono::minutes(5)});
  if (of_taker) return Fail(std::move(*of_taker));
  if (!response) return Fail(std::move(response).error().at(address_.shown));
  if (response->status >= 200 && response->status <= 299) return {};
  return Fail(environment_error(
      Code::unavailable, fmt::format("{} responded with status {}", address_.shown, response->status)));
}

Result<bool> MlflowServer::is_still(const std::string& /*uri*/, const File& file,
                                    const ports::ArtifactFile& moved) {
  return file.size == moved.size;
}

}  // namespace sluice::tracking
