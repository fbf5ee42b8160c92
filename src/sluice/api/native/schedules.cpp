#include "sluice/domain/schedules/schedules.hpp"

#include <fmt/format.h>

#include "sluice/api/native/responses.hpp"
#include "sluice/base/sent_field.hpp"
#include "sluice/ir/duration.hpp"

namespace sluice::api {
namespace {

constexpr std::size_t upcoming_shown = 5;

Value to_json(const ports::ScheduleRow& row) {
  const auto& timing = row.timing;
  Struct s;
  s.set("schedule", row.name);
  s.set("id", row.id.text);
  s.set("plan", row.file);
  s.set("by", row.principal.name);
  if (timing.cron.empty())
    s.set("every", ir::print_duration(timing.interval));
  else
    s.set("cron", timing.cron);
  s.set("time_zone", timing.time_zone);
  if (timing.start) s.set("start", to_iso8601(*timing.start));
  if (timing.end) s.set("end", to_iso8601(*timing.end));
  s.set("catch_up", timing.catch_up);
  s.set("max_concurrency", timing.max_concurrency);
  s.set("enabled", row.enabled);
  s.set("created", to_iso8601(row.created));
  if (row.last) s.set("last", to_iso8601(*row.last));
  if (row.due) s.set("next", to_iso8601(*row.due));
  s.set("runs", row.runs);
  if (!row.problem.empty()) s.set("problem", row.problem);
  return s;
}

Result<std::optional<Time>> time_of(const Value& body, std::string_view field) {
  SLUICE_TRY(text, text_of(body, field, ""));
  if (text.empty()) return std::nullopt;
  if (const auto time = parse_iso8601(text)) return time;
  return Fail(invalid_argument(
      field, fmt::format("`{}` is not a time such as 2026-12-01T07:30:00Z or 2026-12-01T07:30+01:00",
                         text.substr(0, 60))));
}

Result<ports::ScheduleTiming> timing_of(const Value& body) {
  ports::ScheduleTiming timing;
  SLUICE_TRY(cron, text_of(body, "cron", ""));
  timing.cron = std::move(cron);
  SLUICE_TRY(every, text_of(body, "every", ""));
  if (!every.empty()) {
    const auto interval = ir::parse_duration(every);
    if (!interval || *interval == Milliseconds(0))
      return Fail(invalid_argument(
          "every",
          fmt::format("`{}` is not an interval such as 90s, 15m, 1h30m or 2d", every.substr(0, 60))));
    timing.interval = *interval;
  }
  SLUICE_TRY(zone, text_of(body, "time_zone", "UTC"));
  timing.time_zone = std::move(zone);
  SLUICE_TRY(start, time_of(body, "start"));
  SLUICE_TRY(end, time_of(body, "end"));
  timing.start = start;
  timing.end = end;
  SLUICE_TRY(catch_up, flag_of(body, "catch_up", true));
  timing.catch_up = catch_up;
  if (const auto* value = sent_field(body, "max_concurrency")) {
    const auto* number = value->if_integer();
    if (number == nullptr)
      return Fail(user_error(Code::invalid_argument, "`max_concurrency` must be an integer"));
    timing.max_concurrency = *number;
  }
  return timing;
}

Result<ports::Response> create(const NativeApi& api, const ports::Request& request) {
  SLUICE_TRY(body, body_of(request));
  SLUICE_TRY(submission, submission_of(body, request.principal));
  SLUICE_TRY(timing, timing_of(body));
  SLUICE_TRY(name, text_of(body, "name", ""));
  SLUICE_TRY(instant_input, text_of(body, "instant_input", ""));
  SLUICE_TRY(enabled, flag_of(body, "enabled", true));
  SLUICE_TRY(created, api.schedules->create({.name = std::move(name),
                                             .timing = std::move(timing),
                                             .submission = std::move(submission),
                                             .instant_input = std::move(instant_input),
                                             .enabled = enabled}));
  auto json = *to_json(created.row).if_struct();
  if (!created.warnings.empty()) json.set("warnings", List(created.warnings.begin(), created.warnings.end()));
  auto response = json_response(json, 201);
  response.subject = created.row.name;
  return response;
}

Result<ports::Response> list(const NativeApi& api, const ports::Request& request) {
  SLUICE_TRY(page, page_of(request));
  const auto limit = page.limit++;
  SLUICE_TRY(rows, api.schedules->list(request.principal.workspace, page));
  Struct result;
  if (cut_to_page(rows, limit)) result.set("next", rows.back().name);
  List out;
  for (const auto& row : rows) out.push_back(to_json(row));
  result.set("schedules", std::move(out));
  return json_response(result);
}

Result<ports::Response> show(const NativeApi& api, const ports::Request& request) {
  SLUICE_TRY(found, api.schedules->find(request.principal.workspace, request.params.at(0)));
  const auto& row = found.row;
  const auto& plan = found.plan;
  auto json = *to_json(row).if_struct();
  json.set("plan_digest", plan.text.hex());
  json.set("pipeline", plan.pipeline);
  json.set("inputs", to_tagged(plan.inputs));
  json.set("code", to_tagged(plan.code));
  json.set("cache", plan.cache);
  json.set("strict", plan.strict);
  for (const auto& [option, value] : plan.options) json.set(option, value);
  if (!plan.instant_input.empty()) json.set("instant_input", plan.instant_input);
  SLUICE_TRY(upcoming, api.schedules->upcoming(row, upcoming_shown));
  List times;
  for (const auto time : upcoming) times.emplace_back(to_iso8601(time));
  json.set("upcoming", std::move(times));
  return json_response(json);
}

/// The response to a change of a schedule: its name.
Result<ports::Response> changed(const Result<std::string>& name) {
  if (!name) return Fail(name.error());
  Struct result;
  result.set("schedule", *name);
  auto response = json_response(result);
  response.subject = *name;
  return response;
}

Result<ports::Response> enable(const NativeApi& api, const ports::Request& request, bool enabled) {
  return changed(api.schedules->set_enabled(request.principal.workspace, request.params.at(0), enabled));
}

Result<ports::Response> remove(const NativeApi& api, const ports::Request& request) {
  return changed(api.schedules->remove(request.principal.workspace, request.params.at(0)));
}

}  // namespace

void add_schedule_routes(const NativeApi& api, ports::Protocol& protocol) {
  auto& routes = protocol.routes;
  routes.push_back({.method = "POST",
                    .pattern = "/v1/schedules",
                    .handler = sync_handler([api](const auto& r) { return create(api, r); }),
                    .body_max = plan_body_max,
                    .change = "schedule.create"});
  routes.push_back({.method = "GET",
                    .pattern = "/v1/schedules",
                    .handler = sync_handler([api](const auto& r) { return list(api, r); })});
  routes.push_back({.method = "GET",
                    .pattern = "/v1/schedules/{}",
                    .handler = sync_handler([api](const auto& r) { return show(api, r); })});
  routes.push_back({.method = "POST",
                    .pattern = "/v1/schedules/{}/enable",
                    .handler = sync_handler([api](const auto& r) { return enable(api, r, true); }),
                    .change = "schedule.enable"});
  routes.push_back({.method = "POST",
                    .pattern = "/v1/schedules/{}/disable",
                    .handler = sync_handler([api](const auto& r) { return enable(api, r, false); }),
                    .change = "schedule.disable"});
  routes.push_back({.method = "DELETE",
                    .pattern = "/v1/schedules/{}",
                    .handler = sync_handler([api](const auto& r) { return remove(api, r); }),
                    .change = "schedule.remove"});
}

}  // namespace sluice::api
