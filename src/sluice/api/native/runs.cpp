#include <fmt/format.h>

#include "sluice/api/native/responses.hpp"
#include "sluice/base/json.hpp"
#include "sluice/base/sent_field.hpp"

namespace sluice::api {
namespace {

Value row_to_json(const ports::RunRow& row) {
  Struct s;
  s.set("run", row.id.text);
  s.set("name", row.name);
  s.set("status", row.status);
  s.set("created", to_iso8601(row.created));
  if (row.ended) {
    s.set("ended", to_iso8601(*row.ended));
    s.set("seconds", static_cast<double>((*row.ended - row.created).count()) / 1000);
  }
  if (!row.message.empty()) s.set("message", row.message);
  s.set("plan_digest", row.plan.hex());
  return s;
}

Result<Struct> tagged_fields(const Value& body, std::string_view field) {
  const auto* value = sent_field(body, field);
  if (!value) return Struct{};
  SLUICE_TRY(read, from_tagged(*value));
  if (!read.is_struct())
    return Fail(user_error(Code::invalid_argument, fmt::format("`{}` must be an object", field)));
  return *read.if_struct();
}

/// The response to a request that concerns a run: its id.
Result<ports::Response> run_response(const Result<RunId>& run, int status = 200,
                                     const std::vector<std::string>& warnings = {}) {
  if (!run) return Fail(run.error());
  Struct result;
  result.set("run", run->text);
  if (!warnings.empty()) result.set("warnings", List(warnings.begin(), warnings.end()));
  auto response = json_response(result, status);
  response.subject = run->text;
  return response;
}

Result<runs::CompileOptions> compile_options(const Value& body) {
  runs::CompileOptions options;
  SLUICE_TRY(dialect, text_of(body, "dialect", ""));
  SLUICE_TRY(only_containers, flag_of(body, "only_containers", false));
  options.dialect = std::move(dialect);
  options.lowering.only_containers = only_containers;
  const auto* images = body.find("python_images");
  if (images == nullptr) return options;
  constexpr std::size_t images_max = 1000;
  const auto wrong = [] {
    return Fail(user_error(Code::invalid_argument, "`python_images` must be a list of at most 1000 strings"));
  };
  if (!images->is_list() || images->if_list()->size() > images_max) return wrong();
  for (const auto& image : *images->if_list()) {
    if (!image.is_string()) return wrong();
    options.lowering.python_images.push_back(*image.if_string());
  }
  return options;
}

Result<ports::Response> submit(const NativeApi& api, const ports::Request& request) {
  SLUICE_TRY(body, body_of(request));
  SLUICE_TRY(submission, submission_of(body, request.principal));
  SLUICE_TRY(submitted, api.runs.submit(std::move(submission)));
  return run_response(submitted.run, 201, submitted.warnings);
}

Result<ports::Response> list(const NativeApi& api, const ports::Request& request) {
  SLUICE_TRY(limit, number_of(request, "limit", 50, page_max));
  ports::RunFilter filter{.workspace = request.principal.workspace,
                          .status = std::nullopt,
                          .id_prefix = std::nullopt,
                          .limit = static_cast<std::size_t>(limit) + 1};
  if (const auto status = request.query_at("status"); !status.empty()) filter.status = std::string(status);
  if (const auto schedule = request.query_at("schedule"); !schedule.empty()) {
    if (api.schedules == nullptr) return Fail(user_error(Code::not_found, "there are no schedules here"));
    SLUICE_TRY(found, api.schedules->find(filter.workspace, std::string(schedule)));
    filter.schedule = found.row.id;
  }
  if (const auto after = request.query_at("after"); !after.empty()) {
    SLUICE_TRY(row, api.runs.find(filter.workspace, std::string(after)));
    filter.after = {.created = row.created, .id = row.id};
  }
  SLUICE_TRY(rows, api.runs.list(filter));
  Struct result;
  if (cut_to_page(rows, static_cast<std::size_t>(limit))) result.set("next", rows.back().id.text);
  List out;
  for (const auto& row : rows) out.push_back(row_to_json(row));
  result.set("runs", std::move(out));
  return json_response(result);
}

Result<ports::Response> show(const NativeApi& api, const ports::Request& request) {
  SLUICE_TRY(row, api.runs.find(request.principal.workspace, request.params.at(0)));
  SLUICE_TRY(report, api.runs.report(row.id));
  if (row.status == ports::set_aside) report.set_aside = row.message;
  auto json = runs::to_json(report);
  if (api.experiments == nullptr) return json_response(json);
  if (const auto tracked = api.experiments->store().run(request.principal.workspace, row.id.text)) {
    Struct where;
    where.set("experiment", std::to_string(tracked->experiment));
    where.set("run", tracked->id);
    Struct whole = *json.if_struct();
    whole.set("tracked", std::move(where));
    json = std::move(whole);
  }
  return json_response(json);
}

Result<RunId> resume(const NativeApi& api, const ports::Request& request) {
  SLUICE_TRY(body, optional_body_of(request));
  SLUICE_TRY(retry, flag_of(body, "retry", false));
  return api.runs.resume(request.principal.workspace, request.params.at(0), retry);
}

Result<RunId> cancel(const NativeApi& api, const ports::Request& request) {
  SLUICE_TRY(body, optional_body_of(request));
  SLUICE_TRY(reason, text_of(body, "reason", ""));
  if (reason.empty()) reason = "cancelled on request";
  return api.runs.cancel(request.principal.workspace, request.params.at(0), std::move(reason));
}

}  // namespace

Result<runs::Submission> submission_of(const Value& body, const Principal& principal) {
  SLUICE_TRY(text, text_of(body, "plan"));
  SLUICE_TRY(inputs, tagged_fields(body, "inputs"));
  SLUICE_TRY(code, tagged_fields(body, "code"));
  SLUICE_TRY(file, text_of(body, "file", "plan"));
  SLUICE_TRY(pipeline, text_of(body, "pipeline", ""));
  SLUICE_TRY(cache, flag_of(body, "cache", true));
  SLUICE_TRY(strict, flag_of(body, "strict", false));
  SLUICE_TRY(options, compile_options(body));
  return runs::Submission{.text = std::move(text),
                          .file = std::move(file),
                          .pipeline = std::move(pipeline),
                          .inputs = std::move(inputs),
                          .code = std::move(code),
                          .principal = principal,
                          .cache = cache,
                          .strict = strict,
                          .options = std::move(options)};
}

void add_run_routes(const NativeApi& api, ports::Protocol& protocol) {
  auto& routes = protocol.routes;
  routes.push_back({.method = "POST",
                    .pattern = "/v1/runs",
                    .handler = sync_handler([api](const auto& r) { return submit(api, r); }),
                    .body_max = plan_body_max,
                    .change = "run.submit"});
  routes.push_back({.method = "GET", .pattern = "/v1/runs", .handler = sync_handler([api](const auto& r) {
                                                              return list(api, r);
                                                            })});
  routes.push_back({.method = "GET", .pattern = "/v1/runs/{}", .handler = sync_handler([api](const auto& r) {
                                                                 return show(api, r);
                                                               })});
  routes.push_back({.method = "POST",
                    .pattern = "/v1/runs/{}/resume",
                    .handler = sync_handler([api](const auto& r) { return run_response(resume(api, r)); }),
                    .change = "run.resume"});
  routes.push_back({.method = "POST",
                    .pattern = "/v1/runs/{}/cancel",
                    .handler = sync_handler([api](const auto& r) { return run_response(cancel(api, r)); }),
                    .change = "run.cancel"});
}

}  // namespace sluice::api
