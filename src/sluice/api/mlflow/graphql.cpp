// The operations of MLflow's interface at /graphql, each by its name: it asks for always the same fields, so
// that its query is not read. Integers of 64 bits are texts here, and what is not a number is null.
#include <cmath>

#include <fmt/format.h>

#include "sluice/api/mlflow/responses.hpp"
#include "sluice/api/mlflow/searches.hpp"
#include "sluice/api/mlflow/tasks.hpp"
#include "sluice/base/numbers.hpp"

namespace sluice::api::mlflow {
namespace {

List pairs_of(const std::vector<ports::KeyValue>& pairs, std::string_view type) {
  List out;
  for (const auto& pair : pairs) {
    Struct one;
    one.append("__typename", type);
    one.append("key", pair.key);
    one.append("value", pair.value);
    out.emplace_back(std::move(one));
  }
  return out;
}

Value experiment_of(const ports::Experiment& experiment) {
  Struct out;
  out.append("__typename", "MlflowExperiment");
  out.append("experimentId", std::to_string(experiment.id));
  out.append("name", experiment.name);
  out.append("artifactLocation", experiment.artifact_location);
  out.append("lifecycleStage", experiment.active ? "active" : "deleted");
  out.append("creationTime", std::to_string(experiment.created.time_since_epoch().count()));
  out.append("lastUpdateTime", std::to_string(experiment.updated.time_since_epoch().count()));
  out.append("effectiveTraceArchivalRetention", "");
  out.append("tags", pairs_of(experiment.tags, "MlflowExperimentTag"));
  return out;
}

Value point_of(std::string_view key, const ports::MetricPoint& point, std::string_view run) {
  Struct out;
  out.append("__typename", run.empty() ? "MlflowMetricExtension" : "MlflowMetricWithRunId");
  out.append("key", key);
  out.append("value", std::isnan(point.value) ? Value() : Value(point.value));
  out.append("step", std::to_string(point.step));
  out.append("timestamp", std::to_string(point.at_ms));
  if (!run.empty()) out.append("runId", run);
  return out;
}

Value info_of(const ports::TrackedRun& run) {
  Struct out;
  out.append("__typename", "MlflowRunInfo");
  out.append("runUuid", run.id);
  out.append("runId", run.id);
  out.append("runName", run.name);
  out.append("status", ports::name(run.status));
  out.append("experimentId", std::to_string(run.experiment));
  out.append("artifactUri", run.artifact_uri);
  out.append("startTime", std::to_string(run.started_ms));
  out.append("endTime", run.ended_ms ? Value(std::to_string(*run.ended_ms)) : Value());
  out.append("lifecycleStage", run.active ? "active" : "deleted");
  out.append("userId", run.user);
  return out;
}

Value inputs_of(const ports::TrackedRun& run) {
  List datasets;
  for (const auto& input : run.datasets) {
    Struct dataset;
    dataset.append("__typename", "MlflowDataset");
    dataset.append("digest", input.digest);
    dataset.append("name", input.name);
    dataset.append("profile", input.profile);
    dataset.append("schema", input.schema);
    dataset.append("source", input.source);
    dataset.append("sourceType", input.source_type);
    Struct one;
    one.append("__typename", "MlflowDatasetInput");
    one.append("dataset", std::move(dataset));
    one.append("tags", pairs_of(input.tags, "MlflowInputTag"));
    datasets.emplace_back(std::move(one));
  }
  List models;
  for (const auto& use : run.model_inputs) {
    Struct one;
    one.append("__typename", "MlflowModelInput");
    one.append("modelId", use.model);
    models.emplace_back(std::move(one));
  }
  Struct out;
  out.append("__typename", "MlflowRunInputs");
  out.append("datasetInputs", std::move(datasets));
  out.append("modelInputs", std::move(models));
  return out;
}

Value outputs_of(const ports::TrackedRun& run) {
  List models;
  for (const auto& use : run.model_outputs) {
    Struct one;
    one.append("__typename", "MlflowModelOutput");
    one.append("modelId", use.model);
    one.append("step", std::to_string(use.step));
    models.emplace_back(std::move(one));
  }
  Struct out;
  out.append("__typename", "MlflowRunOutputs");
  out.append("modelOutputs", std::move(models));
  return out;
}

/// The versions of registered models that a run made.
Result<List> versions_of(const MlflowApi& api, const Principal& by, const std::string& run) {
  constexpr std::size_t shown_max = 100;
  SLUICE_TRY(found, api.registry.search_versions(
                        by, {.conditions = {{.key = "run_id", .operand = run}},
                             .order = {{.key = "name"}, {.key = "version_number", .ascending = false}},
                             .limit = shown_max}));
  List out;
  for (const auto& version : found) {
    Struct one;
    one.append("__typename", "MlflowModelVersion");
    one.append("name", version.model);
    one.append("version", std::to_string(version.number));
    one.append("status", "READY");
    one.append("source", version.source);
    out.emplace_back(std::move(one));
  }
  return out;
}

Value run_of(const ports::TrackedRun& run, const ports::Experiment& experiment, List versions) {
  List metrics;
  for (const auto& metric : run.metrics) metrics.push_back(point_of(metric.key, metric.point, ""));
  Struct data;
  data.append("__typename", "MlflowRunData");
  data.append("metrics", std::move(metrics));
  data.append("params", pairs_of(run.parameters, "MlflowParam"));
  data.append("tags", pairs_of(run.tags, "MlflowRunTag"));
  Struct out;
  out.append("__typename", "MlflowRunExtension");
  out.append("info", info_of(run));
  out.append("experiment", experiment_of(experiment));
  out.append("modelVersions", std::move(versions));
  out.append("data", std::move(data));
  out.append("inputs", inputs_of(run));
  out.append("outputs", outputs_of(run));
  return out;
}

/// {"data": {NAME: {"__typename", "apiError": null, FIELD: VALUE}}, "errors": null}
ports::Response answer(std::string_view name, std::string_view type, std::string_view field, Value value) {
  Struct result;
  result.append("__typename", type);
  result.append("apiError", Value());
  result.append(std::string(field), std::move(value));
  Struct data;
  data.append(std::string(name), std::move(result));
  Struct body;
  body.append("data", std::move(data));
  body.append("errors", Value());
  return json(to_json(body));
}

/// As MLflow answers what is not there: the texts of errors beside a null, and status 200.
ports::Response failure(std::string_view name, const Error& error) {
  Struct data;
  data.append(std::string(name), Value());
  Struct body;
  body.append("data", std::move(data));
  body.append("errors", List{Value(error.message)});
  return json(to_json(body));
}

Result<ports::Response> get_experiment(const MlflowApi& api, const Fields& variables, const Principal& by) {
  SLUICE_TRY(input, variables.object("input"));
  SLUICE_TRY(text, input.needed("experimentId"));
  const auto id = parse_integer<std::int64_t>(text);
  if (!id)
    return Fail(user_error(Code::invalid_argument,
                           fmt::format("Invalid experiment ID '{}'. Experiment ID must be a valid integer.",
                                       tracking::shown(text))));
  SLUICE_TRY(found, api.experiments.store().experiment(by.workspace, *id));
  return answer("mlflowGetExperiment", "MlflowGetExperimentResponse", "experiment", experiment_of(found));
}

Result<ports::Response> get_run(const MlflowApi& api, const Fields& variables, const Principal& by) {
  SLUICE_TRY(input, variables.object("data"));
  SLUICE_TRY(id, input.needed("runId"));
  SLUICE_TRY(run, find_run(api, by, id));
  SLUICE_TRY(experiment, api.experiments.store().experiment(by.workspace, run.experiment));
  SLUICE_TRY(versions, versions_of(api, by, id));
  return answer("mlflowGetRun", "MlflowGetRunResponse", "run", run_of(run, experiment, std::move(versions)));
}

Result<ports::Response> charts(const MlflowApi& api, const Fields& variables, const Principal& by) {
  SLUICE_TRY(input, variables.object("data"));
  SLUICE_TRY(query, chart_query_of(input, {.runs = "runIds",
                                           .key = "metricKey",
                                           .first = "startStep",
                                           .last = "endStep",
                                           .limit = "maxResults"}));
  List metrics;
  for (const auto& id : query.runs) {
    SLUICE_TRY(points, api.experiments.store().chart(by.workspace, id, query.key, query.steps, query.limit));
    for (const auto& point : points) metrics.push_back(point_of(query.key, point, id));
  }
  return answer("mlflowGetMetricHistoryBulkInterval", "MlflowGetMetricHistoryBulkIntervalResponse", "metrics",
                std::move(metrics));
}

Result<ports::Response> search(const MlflowApi& api, const Fields& variables, const Principal& by) {
  SLUICE_TRY(input, variables.object("data"));
  Struct renamed;
  for (const auto& [theirs, ours] :
       {std::pair("experimentIds", "experiment_ids"), std::pair("filter", "filter"),
        std::pair("runViewType", "run_view_type"), std::pair("maxResults", "max_results"),
        std::pair("orderBy", "order_by"), std::pair("pageToken", "page_token")})
    if (const auto* value = input.value().find(theirs)) renamed.append(ours, *value);
  const Fields fields{Value(std::move(renamed))};
  SLUICE_TRY(search, run_search_of(fields));
  SLUICE_TRY(experiments, experiment_ids_of(fields));
  SLUICE_TRY(found, api.experiments.store().runs(by.workspace, experiments, search));
  static_cast<void>(next_page(found, search));
  List runs;
  for (const auto& run : found) {
    SLUICE_TRY(experiment, api.experiments.store().experiment(by.workspace, run.experiment));
    SLUICE_TRY(versions, versions_of(api, by, run.id));
    runs.push_back(run_of(run, experiment, std::move(versions)));
  }
  return answer("mlflowSearchRuns", "MlflowSearchRunsResponse", "runs", std::move(runs));
}

struct Operation {
  std::string_view name;
  std::string_view result;
  Result<ports::Response> (*work)(const MlflowApi&, const Fields&, const Principal&);
};
constexpr Operation operations[] = {
    {"MlflowGetExperimentQuery", "mlflowGetExperiment", get_experiment},
    {"GetRun", "mlflowGetRun", get_run},
    {"GetMetricHistoryBulkInterval", "mlflowGetMetricHistoryBulkInterval", charts},
    {"SearchRuns", "mlflowSearchRuns", search},
};

ports::Response respond_to(const MlflowApi& api, const ports::Request& request) {
  const auto fields = Fields::of(request);
  if (!fields) return error_response(fields.error());
  const auto name = fields->text("operationName");
  if (!name) return error_response(name.error());
  const auto variables = fields->object("variables");
  if (!variables) return error_response(variables.error());
  for (const auto& operation : operations)
    if (operation.name == *name) {
      auto answered = operation.work(api, *variables, request.principal);
      return answered ? std::move(*answered) : failure(operation.result, answered.error());
    }
  return error_response(
      user_error(Code::invalid_argument,
                 fmt::format("unknown operation `{}` of GraphQL; this server knows those of MLflow's "
                             "interface: MlflowGetExperimentQuery, GetRun, "
                             "GetMetricHistoryBulkInterval and SearchRuns",
                             tracking::shown(*name))));
}

}  // namespace

void add_graphql_routes(const MlflowApi& api, Routes& routes) {
  routes.add_plain({.method = "POST",
                    .pattern = "/graphql",
                    .handler = [api](const ports::Request& request,
                                     ports::Responder respond) { respond(respond_to(api, request)); },
                    .role = ports::Role::read});
}

}  // namespace sluice::api::mlflow
