// Traces, their spans and assessments.
#include <algorithm>

#include <fmt/format.h>

#include "sluice/api/mlflow/otlp.hpp"
#include "sluice/api/mlflow/responses.hpp"
#include "sluice/api/mlflow/searches.hpp"
#include "sluice/api/mlflow/trace_json.hpp"
#include "sluice/base/numbers.hpp"
#include "sluice/base/pattern.hpp"
#include "sluice/base/words.hpp"
#include "sluice/domain/tracking/search_filter.hpp"

namespace sluice::api::mlflow {
namespace {

constexpr std::size_t spans_bytes_max = std::size_t{64} << 20;
constexpr std::size_t info_bytes_max = std::size_t{8} << 20;
constexpr std::size_t response_bytes_max = std::size_t{256} << 20;
constexpr std::string_view spans_file = "traces.json";

Result<ports::Response> one_trace(const ports::Trace& trace) {
  std::string body;
  JsonObject object(body);
  auto outer = object.object("trace");
  auto info = outer.object("trace_info");
  write_trace_info(info, trace);
  info.end();
  outer.end();
  object.end();
  return json(std::move(body));
}

Result<ports::Response> one_old_trace(const ports::Trace& trace) {
  std::string body;
  JsonObject object(body);
  auto info = object.object("trace_info");
  write_old_trace_info(info, trace);
  info.end();
  object.end();
  return json(std::move(body));
}

Result<ports::Response> one_assessment(const std::string& trace, const ports::Assessment& assessment) {
  std::string body;
  JsonObject object(body);
  auto one = object.object("assessment");
  write_assessment(one, trace, assessment);
  one.end();
  object.end();
  return json(std::move(body));
}

bool is_stored_here(const ports::Trace& trace) {
  return std::ranges::any_of(trace.tags, [](const auto& tag) {
    return tag.key == tracking::spans_location_tag && tag.value == "TRACKING_STORE";
  });
}

Error stored_elsewhere() { return internal_error(Code::internal, "Trace data not stored in tracking store"); }

Result<ports::Response> put(const MlflowApi& api, const Fields& fields, const Principal& by) {
  if (!fields.has("trace")) return Fail(missing_parameter("trace"));
  SLUICE_TRY(outer, fields.object("trace"));
  SLUICE_TRY(info, outer.object("trace_info"));
  SLUICE_TRY(trace, read_trace_info(info));
  SLUICE_TRY(stored, api.traces.put(by, std::move(trace)));
  return one_trace(stored);
}

/// A trace with its spans, as it is in a list of such.
Result<std::string> whole_trace(const MlflowApi& api, const Principal& by, const ports::Trace& trace,
                                bool partial) {
  SLUICE_TRY(spans, api.traces.spans(by, trace, partial));
  SLUICE_TRY(written, spans_json(spans));
  std::string body;
  JsonObject object(body);
  auto info = object.object("trace_info");
  write_trace_info(info, trace);
  info.end();
  if (!spans.empty()) object.raw("spans", written);
  object.end();
  return body;
}

Result<ports::Response> get(const MlflowApi& api, const Fields& fields, const Principal& by) {
  SLUICE_TRY(id, fields.needed("trace_id"));
  SLUICE_TRY(partial, fields.flag("allow_partial"));
  SLUICE_TRY(found, api.traces.store().traces_of(by.workspace, {id}));
  if (found.empty())
    return Fail(user_error(Code::not_found, fmt::format("Trace with ID {} is not found.", id)));
  if (!is_stored_here(found.front())) return Fail(stored_elsewhere());
  SLUICE_TRY(trace, whole_trace(api, by, found.front(), partial.value_or(false)));
  return json(R"({"trace":)" + trace + "}");
}

Result<std::vector<std::string>> ids_of(const Fields& fields) {
  SLUICE_TRY(ids, fields.texts("trace_ids"));
  if (ids.empty()) return Fail(missing_parameter("trace_ids"));
  constexpr std::size_t ids_max = 1000;
  if (ids.size() > ids_max)
    return Fail(
        user_error(Code::invalid_argument,
                   fmt::format("at most {} traces can be asked for at once, got {}", ids_max, ids.size())));
  std::vector<std::string> unique;
  for (auto& id : ids)
    if (std::ranges::find(unique, id) == unique.end()) unique.push_back(std::move(id));
  return unique;
}

/// Those of the traces that are asked for, in any of the experiments if there are any.
Result<std::vector<ports::Trace>> traces_of(const MlflowApi& api, const Fields& fields, const Principal& by) {
  SLUICE_TRY(ids, ids_of(fields));
  SLUICE_TRY(experiments, experiment_ids_of(fields));
  SLUICE_TRY(found, api.traces.store().traces_of(by.workspace, ids));
  if (fields.has("experiment_ids"))
    std::erase_if(found, [&](const auto& trace) {
      return std::ranges::find(experiments, trace.experiment) == experiments.end();
    });
  return std::move(found);
}

Result<ports::Response> batch_get(const MlflowApi& api, const Fields& fields, const Principal& by) {
  SLUICE_TRY(found, traces_of(api, fields, by));
  std::string list;
  for (const auto& trace : found) {
    if (!is_stored_here(trace)) return Fail(stored_elsewhere());
    auto whole = whole_trace(api, by, trace, false);
    // One that has not come as a whole is left out.
    if (!whole && whole.error().code == Code::not_found) continue;
    if (!whole) return Fail(std::move(whole).error());
    list += (list.empty() ? "" : ",") + *whole;
    if (list.size() > response_bytes_max)
      return Fail(user_error(Code::too_large, "the traces are too large; ask for fewer at once"));
  }
  return json(list.empty() ? "{}" : R"({"traces":[)" + list + "]}");
}

Result<ports::Response> batch_get_infos(const MlflowApi& api, const Fields& fields, const Principal& by) {
  SLUICE_TRY(found, traces_of(api, fields, by));
  std::string body;
  JsonObject object(body);
  if (!found.empty()) {
    auto list = object.list("trace_infos");
    for (const auto& trace : found) {
      auto one = list.object();
      write_trace_info(one, trace);
      one.end();
    }
    list.end();
  }
  object.end();
  return json(std::move(body));
}

constexpr SearchForm form{.limit = 100, .limit_max = 500};

/// Regular expressions are read before the search begins.
Result<void> check_conditions(const std::vector<ports::SearchCondition>& conditions) {
  for (const auto& condition : conditions) {
    if (condition.comparator != ports::SearchCondition::Comparator::rlike) continue;
    const auto* text = std::get_if<std::string>(&condition.operand);
    if (auto pattern = Pattern::compile(text == nullptr ? "" : *text); !pattern)
      return Fail(std::move(pattern).error().at("Invalid filter"));
  }
  return {};
}

Result<ports::Search> search_of(const Fields& fields) {
  SLUICE_TRY(search, search_of(fields, tracking::trace_search(), form));
  SLUICE_DO(check_conditions(search.conditions));
  return search;
}

Result<ports::Response> search(const MlflowApi& api, const Fields& fields, const Principal& by) {
  if (!fields.has("locations")) return Fail(missing_parameter("locations"));
  SLUICE_TRY(locations, fields.objects("locations"));
  std::vector<std::int64_t> experiments;
  for (const auto& location : locations) {
    if (!location.has("mlflow_experiment")) continue;
    SLUICE_TRY(experiment, location.object("mlflow_experiment"));
    SLUICE_TRY(id, experiment.experiment_id());
    experiments.push_back(id);
  }
  SLUICE_TRY(search, search_of(fields));
  SLUICE_TRY(found, api.traces.store().traces(by.workspace, experiments, search));
  return page_response("traces", std::move(found), search, write_trace_info);
}

Result<ports::Response> old_search(const MlflowApi& api, const Fields& fields, const Principal& by) {
  SLUICE_TRY(experiments, experiment_ids_of(fields));
  if (experiments.empty()) return Fail(missing_parameter("experiment_ids"));
  SLUICE_TRY(search, search_of(fields));
  SLUICE_TRY(found, api.traces.store().traces(by.workspace, experiments, search));
  return page_response("traces", std::move(found), search, write_old_trace_info);
}

/// The spans for the interface: those that are stored here, or else the file that the client uploaded.
Result<ports::Response> artifact(const MlflowApi& api, const Fields& fields, const Principal& by) {
  SLUICE_TRY(id, fields.text("request_id"));
  if (id.empty())
    return Fail(
        user_error(Code::invalid_argument, "Request must include the \"request_id\" query parameter."));
  SLUICE_TRY(path, fields.text("path"));
  SLUICE_TRY(trace, api.traces.store().trace(by.workspace, id));
  if (!path.empty()) return trace_file(api, by, trace, "attachments/" + path);
  if (!is_stored_here(trace)) return trace_file(api, by, trace, std::string(spans_file));
  SLUICE_TRY(spans, api.traces.spans(by, trace, true));
  std::string body = R"({"spans":[)";
  for (std::size_t i = 0; i < spans.size(); ++i) body += (i == 0 ? "" : ",") + spans[i];
  return ports::Response{
      .content_type = "text/plain",
      .headers = {{"Content-Disposition", "attachment; filename=" + std::string(spans_file)},
                  {"Content-Security-Policy", "sandbox"},
                  {"X-Content-Type-Options", "nosniff"},
                  {"Cache-Control", "no-cache"}},
      .body = body + "]}"};
}

Result<ports::Response> remove(const MlflowApi& api, const Fields& fields, const Principal& by) {
  ports::TraceSelection selection;
  SLUICE_TRY(experiment, fields.experiment_id());
  selection.experiment = experiment;
  SLUICE_TRY(at, fields.integer("max_timestamp_millis"));
  selection.at_ms_max = at;
  SLUICE_TRY(most, fields.integer("max_traces"));
  selection.most = most;
  SLUICE_TRY(ids, fields.texts("request_ids"));
  selection.ids = std::move(ids);
  SLUICE_TRY(removed, api.traces.remove(by, selection));
  std::string body;
  JsonObject object(body);
  object.integer("traces_deleted", removed);
  object.end();
  return json(std::move(body));
}

Result<ports::Response> link_run(const MlflowApi& api, const Fields& fields, const Principal& by) {
  SLUICE_TRY(ids, fields.texts("trace_ids"));
  if (ids.empty()) return Fail(missing_parameter("trace_ids"));
  SLUICE_TRY(run, fields.needed("run_id"));
  SLUICE_DO(api.traces.link_run(by, ids, run));
  return empty();
}

Result<ports::Response> link_prompts(const MlflowApi& api, const Fields& fields, const Principal& by) {
  SLUICE_TRY(id, fields.needed("trace_id"));
  SLUICE_TRY(versions, fields.objects("prompt_versions"));
  if (versions.empty()) return Fail(missing_parameter("prompt_versions"));
  std::vector<std::string> prompts;
  for (const auto& version : versions) {
    SLUICE_TRY(name, version.needed("name"));
    SLUICE_TRY(number, version.needed("version"));
    prompts.push_back(fmt::format("{}/{}", name, number));
  }
  SLUICE_DO(api.traces.link_prompts(by, id, prompts));
  return empty();
}

Result<ports::Response> correlation(const MlflowApi& api, const Fields& fields, const Principal& by) {
  SLUICE_TRY(experiments, experiment_ids_of(fields));
  if (experiments.empty()) return Fail(missing_parameter("experiment_ids"));
  const auto filter = [&](std::string_view name, bool needed) -> Result<std::vector<ports::SearchCondition>> {
    SLUICE_TRY(text, fields.text(name));
    if (needed && text.empty()) return Fail(missing_parameter(name));
    SLUICE_TRY(conditions, tracking::parse_filter(text, tracking::trace_search()));
    SLUICE_DO(check_conditions(conditions));
    return std::move(conditions);
  };
  SLUICE_TRY(first, filter("filter_string1", true));
  SLUICE_TRY(second, filter("filter_string2", true));
  SLUICE_TRY(base, filter("base_filter", false));
  SLUICE_TRY(found, api.traces.correlation(by, experiments, first, second, base));
  std::string body;
  JsonObject object(body);
  if (found.npmi) object.number("npmi", *found.npmi);
  if (found.smoothed) object.number("npmi_smoothed", *found.smoothed);
  object.integer("filter1_count", found.first);
  object.integer("filter2_count", found.second);
  object.integer("joint_count", found.both);
  object.integer("total_count", found.all);
  object.end();
  return json(std::move(body));
}

/// The part of an old trace that a request says.
Result<ports::Trace> old_trace(const Fields& fields) {
  ports::Trace trace;
  SLUICE_TRY(metadata, fields.pairs("request_metadata"));
  trace.metadata = std::move(metadata);
  SLUICE_TRY(tags, fields.pairs("tags"));
  trace.tags = std::move(tags);
  return trace;
}

Result<ports::Response> begin(const MlflowApi& api, const Fields& fields, const Principal& by) {
  SLUICE_TRY(trace, old_trace(fields));
  SLUICE_TRY(experiment, fields.experiment_id());
  trace.experiment = experiment;
  SLUICE_TRY(at, fields.integer("timestamp_ms"));
  trace.at_ms = at.value_or(0);
  SLUICE_TRY(stored, api.traces.begin(by, std::move(trace)));
  return one_old_trace(stored);
}

Result<ports::Response> end(const MlflowApi& api, const Fields& fields, const ports::Request& request) {
  SLUICE_TRY(more, old_trace(fields));
  SLUICE_TRY(status, fields.text("status"));
  SLUICE_TRY(state, state_named(status));
  more.state = state;
  SLUICE_TRY(at, fields.integer("timestamp_ms"));
  SLUICE_TRY(stored, api.traces.end(request.principal, request.params.at(0), at.value_or(0), more));
  return one_old_trace(stored);
}

Result<ports::Response> assess(const MlflowApi& api, const Fields& fields, const ports::Request& request) {
  if (!fields.has("assessment")) return Fail(missing_parameter("assessment"));
  SLUICE_TRY(object, fields.object("assessment"));
  SLUICE_TRY(assessment, read_assessment(object));
  SLUICE_TRY(made, api.traces.assess(request.principal, request.params.at(0), std::move(assessment)));
  return one_assessment(request.params.at(0), made);
}

Result<ports::Response> reassess(const MlflowApi& api, const Fields& fields, const ports::Request& request) {
  if (!fields.has("assessment")) return Fail(missing_parameter("assessment"));
  SLUICE_TRY(mask, fields.needed("update_mask"));
  SLUICE_TRY(object, fields.object("assessment"));
  ports::AssessmentChange change;
  // As protobuf's JSON writes a mask: names with commas between them, in either case.
  for (std::string_view rest = mask; !rest.empty();) {
    const auto size = std::min(rest.find(','), rest.size());
    const auto path = rest.substr(0, size);
    rest.remove_prefix(std::min(size + 1, rest.size()));
    if (path == "assessment_name" || path == "assessmentName") {
      SLUICE_TRY(name, object.text("assessment_name"));
      change.name = std::move(name);
    } else if (path == "expectation" || path == "feedback") {
      if (change.kind)
        return Fail(user_error(Code::invalid_argument,
                               "Cannot specify both `expectation` and `feedback` parameters."));
      if (!object.has(path)) return Fail(missing_parameter("assessment." + std::string(path)));
      SLUICE_TRY(judgement, read_judgement(object));
      change.kind = judgement.kind;
      change.value = std::move(judgement.value);
      change.error = std::move(judgement.error);
    } else if (path == "rationale") {
      SLUICE_TRY(rationale, object.text("rationale"));
      change.rationale = std::move(rationale);
    } else if (path == "metadata") {
      SLUICE_TRY(metadata, map_of(object, "metadata"));
      change.metadata = std::move(metadata);
    }
  }
  SLUICE_TRY(changed, api.traces.reassess(request.principal, request.params.at(0), request.params.at(1),
                                          std::move(change)));
  return one_assessment(request.params.at(0), changed);
}

Result<ports::Response> receive_spans(const MlflowApi& api, const ports::Request& request) {
  const auto header = request.header("x-mlflow-experiment-id");
  if (header.empty())
    return Fail(
        user_error(Code::invalid_argument,
                   "the header `x-mlflow-experiment-id` is missing; it has the id of the experiment"));
  const auto experiment = parse_integer<std::int64_t>(header);
  if (!experiment)
    return Fail(user_error(Code::invalid_argument,
                           fmt::format("Invalid experiment ID '{}'. Experiment ID must be a valid integer.",
                                       tracking::shown(as_utf8(header)))));
  const auto type = request.header("content-type");
  const auto media = lower_ascii(type.substr(0, std::min(type.find_first_of("; "), type.size())));
  const bool is_json = media == "application/json";
  if (!is_json && media != "application/x-protobuf")
    return Fail(user_error(
        Code::invalid_argument,
        fmt::format("Invalid Content-Type: {}. Expected: application/x-protobuf or application/json",
                    tracking::shown(as_utf8(type)))));
  SLUICE_TRY(spans, is_json ? read_otlp_json(request.body) : read_otlp(request.body));
  if (!spans.empty())
    SLUICE_DO(api.traces.add_spans(request.principal, *experiment, spans,
                                   std::string(request.header("x-mlflow-run-id"))));
  return ports::Response{.content_type = std::string(is_json ? "application/json" : "application/x-protobuf"),
                         .body = is_json ? "{}" : ""};
}

void add_assessment_routes(const MlflowApi& api, Routes& routes, const std::string& version) {
  const Routes::More more{.version = version};
  routes.add("POST", "/traces/{}/assessments",
             [api](const Fields& fields, const auto& r) { return assess(api, fields, r); },
             {.body_max = info_bytes_max, .version = version});
  routes.add(
      "GET", "/traces/{}/assessments/{}",
      [api](const Fields&, const auto& r) -> Result<ports::Response> {
        SLUICE_TRY(found,
                   api.traces.store().assessment(r.principal.workspace, r.params.at(0), r.params.at(1)));
        return one_assessment(r.params.at(0), found);
      },
      more);
  routes.add("PATCH", "/traces/{}/assessments/{}",
             [api](const Fields& fields, const auto& r) { return reassess(api, fields, r); },
             {.body_max = info_bytes_max, .version = version});
  routes.add(
      "DELETE", "/traces/{}/assessments/{}",
      [api](const Fields&, const auto& r) -> Result<ports::Response> {
        SLUICE_DO(api.traces.remove_assessment(r.principal, r.params.at(0), r.params.at(1)));
        return empty();
      },
      more);
}

void add_tag_routes(const MlflowApi& api, Routes& routes, const std::string& version) {
  const Routes::More more{.version = version};
  routes.add(
      "PATCH", "/traces/{}/tags",
      [api](const Fields& fields, const auto& r) -> Result<ports::Response> {
        SLUICE_TRY(key, fields.needed("key"));
        SLUICE_TRY(value, fields.text("value"));
        SLUICE_DO(api.traces.set_tag(r.principal, r.params.at(0),
                                     {.key = std::move(key), .value = std::move(value)}));
        return empty();
      },
      more);
  routes.add(
      "DELETE", "/traces/{}/tags",
      [api](const Fields& fields, const auto& r) -> Result<ports::Response> {
        SLUICE_TRY(key, fields.needed("key"));
        SLUICE_DO(api.traces.remove_tag(r.principal, r.params.at(0), key));
        return empty();
      },
      more);
}

}  // namespace

void add_trace_routes(const MlflowApi& api, Routes& routes) {
  const auto with = [api](auto work) {
    return
        [api, work](const Fields& fields, const ports::Request& r) { return work(api, fields, r.principal); };
  };
  const Routes::More v3{.version = "3.0"};
  const Routes::More reads_v3{.role = ports::Role::read, .version = "3.0"};
  routes.add("POST", "/traces", with(put), {.body_max = info_bytes_max, .version = "3.0"});
  routes.add("GET", "/traces/get", with(get), v3);
  routes.add("GET", "/traces/batchGet", with(batch_get), v3);
  routes.add("POST", "/traces/batchGetInfos", with(batch_get_infos), reads_v3);
  routes.add("POST", "/traces/search", with(search), reads_v3);
  routes.add("POST", "/traces/metrics", with(trace_metrics), reads_v3);
  routes.add("POST", "/traces/calculate-filter-correlation", with(correlation), reads_v3);
  routes.add(
      "GET", "/traces/{}",
      [api](const Fields&, const auto& r) -> Result<ports::Response> {
        SLUICE_TRY(trace, api.traces.store().trace(r.principal.workspace, r.params.at(0)));
        return one_trace(trace);
      },
      v3);
  for (const std::string version : {"2.0", "3.0"}) {
    const Routes::More more{.version = version};
    add_tag_routes(api, routes, version);
    add_assessment_routes(api, routes, version);
    routes.add("POST", "/traces/delete-traces", with(remove), more);
    routes.add("POST", "/traces/link-to-run", with(link_run), more);
    routes.add("POST", "/traces/link-prompts", with(link_prompts), more);
    routes.add("GET", "/get-trace-artifact", with(artifact), more);
  }
  routes.add("POST", "/traces", with(begin));
  routes.add("GET", "/traces", with(old_search));
  routes.add("PATCH", "/traces/{}",
             [api](const Fields& fields, const auto& r) { return end(api, fields, r); });
  routes.add("GET", "/traces/{}/info", [api](const Fields&, const auto& r) -> Result<ports::Response> {
    SLUICE_TRY(trace, api.traces.store().trace(r.principal.workspace, r.params.at(0)));
    return one_old_trace(trace);
  });
  routes.add_plain({.method = "POST",
                    .pattern = "/v1/traces",
                    .handler =
                        [api](const ports::Request& request, ports::Responder respond) {
                          auto response = receive_spans(api, request);
                          respond(response ? std::move(*response) : error_response(response.error()));
                        },
                    .body_max = spans_bytes_max});
}

}  // namespace sluice::api::mlflow
