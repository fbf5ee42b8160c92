#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "sluice/api/native/answers.hpp"
#include "sluice/base/json.hpp"

namespace sluice::api {
namespace {

constexpr std::size_t plan_max = JsonLimits{}.bytes_max;  // more would be held for nothing
constexpr std::size_t events_a_time = 10'000;

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
  const auto* value = body.find(field);
  if (!value) return Struct{};
  SLUICE_TRY(read, from_tagged(*value));
  if (!read.is_struct())
    return Fail(user_error(Code::invalid_argument, fmt::format("`{}` must be an object", field)));
  return *read.if_struct();
}

Result<ports::Response> submit(const NativeApi& api, const ports::Request& request) {
  SLUICE_TRY(body, body_of(request));
  SLUICE_TRY(text, text_of(body, "plan"));
  SLUICE_TRY(inputs, tagged_fields(body, "inputs"));
  SLUICE_TRY(code, tagged_fields(body, "code"));
  SLUICE_TRY(run, api.runs.submit({.text = std::move(text),
                                   .file = body.text_at("file", "plan"),
                                   .pipeline = body.text_at("pipeline", "main"),
                                   .inputs = std::move(inputs),
                                   .code = std::move(code),
                                   .principal = request.principal,
                                   .cache = body.boolean_at("cache", true)}));
  Struct answer;
  answer.set("run", run.text);
  return json_answer(answer, 201);
}

Result<ports::Response> list(const NativeApi& api, const ports::Request& request) {
  SLUICE_TRY(limit, number_of(request, "limit", 50, 10'000));
  ports::RunFilter filter{.workspace = request.principal.workspace,
                          .status = std::nullopt,
                          .id_prefix = std::nullopt,
                          .limit = static_cast<std::size_t>(limit)};
  if (const auto status = request.query_at("status"); !status.empty()) filter.status = std::string(status);
  SLUICE_TRY(rows, api.runs.list(filter));
  List out;
  for (const auto& row : rows) out.push_back(row_to_json(row));
  Struct answer;
  answer.set("runs", std::move(out));
  return json_answer(answer);
}

Result<ports::Response> show(const NativeApi& api, const ports::Request& request) {
  SLUICE_TRY(row, api.runs.find(request.principal.workspace, request.params.at(0)));
  SLUICE_TRY(report, api.runs.report(row.id));
  return json_answer(runs::to_json(report));
}

/// The journal from `from` on, as the journal has it: the events are JSON texts already.
Result<ports::Response> events_answer(const NativeApi& api, const RunId& run, std::uint64_t from) {
  const bool goes_on =
      api.runs.goes_on(run);  // asked first: if not, there will be no more than the events below
  SLUICE_TRY(events, api.runs.events(run, from));
  if (events.size() > events_a_time) events.resize(events_a_time);
  std::string body = fmt::format(R"({{"from":{},"goes_on":{},"events":[)", from, goes_on);
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (i > 0) body += ",";
    body += events[i];
  }
  body += "]}\n";
  return ports::Response{.body = std::move(body)};
}

void follow(const NativeApi& api, const ports::Request& request, ports::Responder respond) {
  const auto prepare = [&]() -> Result<std::pair<RunId, std::pair<std::int64_t, std::int64_t>>> {
    SLUICE_TRY(from, number_of(request, "from", 0, INT64_MAX));
    SLUICE_TRY(wait, number_of(request, "wait_ms", 0, 30'000));
    SLUICE_TRY(row, api.runs.find(request.principal.workspace, request.params.at(0)));
    return std::pair{row.id, std::pair{from, wait}};
  };
  auto prepared = prepare();
  if (!prepared) return respond(error_answer(prepared.error()));
  const auto [run, numbers] = *prepared;
  const auto from = static_cast<std::uint64_t>(numbers.first);
  const auto answer = [api, run, from](ports::Responder& to) {
    auto made = events_answer(api, run, from);
    to(made ? std::move(*made) : error_answer(made.error()));
  };
  if (numbers.second == 0) return answer(respond);
  api.runs.when_longer(run, from, Milliseconds(numbers.second),
                       [answer, respond = std::move(respond)]() mutable { answer(respond); });
}

Result<ports::Response> log_of(const NativeApi& api, const ports::Request& request) {
  SLUICE_TRY(row, api.runs.find(request.principal.workspace, request.params.at(0)));
  const std::string task(request.query_at("task"));
  SLUICE_TRY(asked, number_of(request, "attempt", 0, 1'000'000));
  SLUICE_TRY(report, api.runs.report(row.id));
  // The path names a file, so only one that the journal knows is taken.
  const auto there = std::ranges::find(report.operations, task, &runs::OperationReport::path);
  if (there == report.operations.end()) {
    std::string known;
    for (const auto& operation : report.operations)
      if (operation.kind == "process") known += (known.empty() ? "`" : ", `") + operation.path + "`";
    return Fail(
        user_error(Code::not_found, fmt::format("run {} has no task `{}`{}", row.id.text, task,
                                                known.empty() ? "" : "; those with a log are " + known)));
  }
  const auto& holder = there->cached ? there->made_in : row.id;
  const auto& path = there->cached ? there->made_by : there->path;
  auto attempts = there->attempts;
  if (there->cached)  // the log is that of the attempt that made the outputs
    if (const auto maker = api.runs.report(holder))
      for (const auto& operation : maker->operations)
        if (operation.path == path) attempts = operation.attempts;
  const auto attempt = asked > 0 ? asked : std::max<std::int64_t>(1, attempts);
  const auto file = api.log_of(holder, path, static_cast<int>(attempt));
  if (there->kind != "process" || file.empty() || attempts < attempt)
    return Fail(
        user_error(Code::not_found, fmt::format("task `{}` has written no log{}", task,
                                                there->kind == "service" ? "; it is a service" : "")));
  // One that printed nothing keeps no file.
  if (!std::filesystem::exists(file)) return ports::Response{.content_type = "text/plain; charset=utf-8"};
  return ports::Response{.content_type = "text/plain; charset=utf-8", .body_file = file};
}

Result<ports::Response> named(Result<RunId> run) {
  if (!run) return Fail(run.error());
  Struct answer;
  answer.set("run", run->text);
  return json_answer(answer);
}

}  // namespace

void add_run_routes(const NativeApi& api, ports::Protocol& protocol) {
  auto& routes = protocol.routes;
  routes.push_back({.method = "POST",
                    .pattern = "/v1/runs",
                    .handler = answering([api](const auto& r) { return submit(api, r); }),
                    .body_max = plan_max});
  routes.push_back({.method = "GET", .pattern = "/v1/runs", .handler = answering([api](const auto& r) {
                                                              return list(api, r);
                                                            })});
  routes.push_back({.method = "GET", .pattern = "/v1/runs/{}", .handler = answering([api](const auto& r) {
                                                                 return show(api, r);
                                                               })});
  routes.push_back({.method = "GET",
                    .pattern = "/v1/runs/{}/events",
                    .handler = [api](const ports::Request& request, ports::Responder respond) {
                      follow(api, request, std::move(respond));
                    }});
  routes.push_back({.method = "GET", .pattern = "/v1/runs/{}/log", .handler = answering([api](const auto& r) {
                                                                     return log_of(api, r);
                                                                   })});
  routes.push_back({.method = "POST",
                    .pattern = "/v1/runs/{}/resume",
                    .handler = answering([api](const auto& r) {
                      return named(api.runs.resume(r.principal.workspace, r.params.at(0)));
                    })});
  routes.push_back({.method = "POST",
                    .pattern = "/v1/runs/{}/cancel",
                    .handler = answering([api](const auto& r) {
                      return named(
                          api.runs.cancel(r.principal.workspace, r.params.at(0), "cancelled on request"));
                    })});
}

}  // namespace sluice::api
