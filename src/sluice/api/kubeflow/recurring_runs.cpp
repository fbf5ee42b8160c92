// Recurring runs: schedules whose runs are in an experiment.
#include <array>

#include <fmt/format.h>

#include "sluice/api/kubeflow/lists.hpp"
#include "sluice/api/kubeflow/new_run.hpp"
#include "sluice/base/numbers.hpp"

namespace sluice::api::kubeflow {
namespace {

using Kind = ListField::Kind;
constexpr auto fields = std::to_array<ListField>({
    {.name = "recurring_run_id", .key = "id", .kind = Kind::id},
    {.name = "id", .key = "id", .kind = Kind::id},
    {.name = "display_name", .key = "display_name"},
    {.name = "name", .key = "display_name"},
    {.name = "description", .key = "description"},
    {.name = "created_at", .key = "created_at", .kind = Kind::time},
    {.name = "updated_at", .key = "updated_at", .kind = Kind::time},
    {.name = "experiment_id", .key = "group", .kind = Kind::id},
    {.name = "pipeline_id", .key = "pipeline", .kind = Kind::id},
    {.name = "pipeline_version_id", .key = "version", .kind = Kind::id},
    {.name = "service_account", .key = "service_account"},
});

Struct outline_of(const ports::RecurringRun& recurring) {
  const auto& timing = recurring.schedule.timing;
  Struct out;
  out.set("recurring_run_id", recurring.id);
  out.set("experiment_id", recurring.run.group);
  out.set("display_name", recurring.run.display_name);
  add_new_run(recurring.run, out);
  out.set("max_concurrency", std::to_string(timing.max_concurrency));
  Struct when;
  if (timing.start) when.set("start_time", time_of(timing.start));
  if (timing.end) when.set("end_time", time_of(timing.end));
  Struct trigger;
  if (timing.cron.empty()) {
    when.set("interval_second",
             std::to_string(std::chrono::duration_cast<std::chrono::seconds>(timing.interval).count()));
    trigger.set("periodic_schedule", std::move(when));
  } else {
    when.set("cron", timing.cron);
    trigger.set("cron_schedule", std::move(when));
  }
  out.set("trigger", std::move(trigger));
  out.set("mode", recurring.schedule.enabled ? "ENABLE" : "DISABLE");
  out.set("status", recurring.schedule.enabled ? "ENABLED" : "DISABLED");
  out.set("no_catchup", !timing.catch_up);
  out.set("created_at", time_of(recurring.run.created));
  out.set("updated_at", time_of(recurring.updated));
  if (!recurring.schedule.problem.empty()) out.set("error", status_of(recurring.schedule.problem));
  return out;
}

/// In protobuf's JSON, an integer of 64 bits is a text or a number.
Result<std::optional<std::int64_t>> integer_of(const Fields& object, std::string_view name) {
  const auto* value = object.find(name);
  if (value == nullptr) return std::nullopt;
  if (const auto* number = value->if_integer()) return *number;
  if (const auto* text = value->if_string())
    if (const auto number = parse_integer<std::int64_t>(*text)) return number;
  return Fail(user_error(Code::invalid_argument, fmt::format("`{}` must be an integer", name)));
}

Result<std::optional<Time>> instant_of(const Fields& object, std::string_view name) {
  SLUICE_TRY(text, object.text(name));
  if (text.empty()) return std::nullopt;
  if (const auto time = parse_iso8601(text)) {
    if (time->time_since_epoch().count() == 0) return std::nullopt;  // what clients write for none
    return time;
  }
  return Fail(user_error(Code::invalid_argument,
                         fmt::format("`{}` is not a time such as 2026-12-01T07:30:00Z", name)));
}

/// The grammar of Kubeflow's server (robfig/cron 1.2): the first field is the second, the last may be
/// missing.
std::string with_seconds(std::string cron) {
  std::size_t count = 0;
  bool in_field = false;
  for (const char c : cron) {
    const bool blank = c == ' ' || c == '\t';
    if (!blank && !in_field) ++count;
    in_field = !blank;
  }
  constexpr std::size_t without_day_of_week = 5;
  if (count == without_day_of_week) cron += " *";
  return cron;
}

Result<ports::ScheduleTiming> timing_of(const Fields& body) {
  ports::ScheduleTiming timing;
  SLUICE_TRY(trigger, body.object("trigger"));
  SLUICE_TRY(cron, trigger.object("cron_schedule"));
  SLUICE_TRY(periodic, trigger.object("periodic_schedule"));
  SLUICE_TRY(expression, cron.text("cron"));
  SLUICE_TRY(seconds, integer_of(periodic, "interval_second"));
  if (expression.empty() == !seconds)
    return Fail(
        user_error(Code::invalid_argument,
                   "`trigger` must have either `cron_schedule.cron` or `periodic_schedule.interval_second`"));
  constexpr std::int64_t seconds_max = std::int64_t{1} << 40;
  if (seconds && (*seconds < 1 || *seconds > seconds_max))
    return Fail(user_error(
        Code::invalid_argument,
        fmt::format("`interval_second` is {}; it must be a positive number of seconds", *seconds)));
  const auto& given = seconds ? periodic : cron;
  if (seconds)
    timing.interval = std::chrono::seconds(*seconds);
  else
    timing.cron = with_seconds(std::move(expression));
  SLUICE_TRY(start, instant_of(given, "start_time"));
  SLUICE_TRY(end, instant_of(given, "end_time"));
  timing.start = start;
  timing.end = end;
  SLUICE_TRY(concurrency, integer_of(body, "max_concurrency"));
  timing.max_concurrency = concurrency.value_or(1);
  if (const auto* no_catchup = body.find("no_catchup")) {
    if (no_catchup->if_boolean() == nullptr)
      return Fail(user_error(Code::invalid_argument, "`no_catchup` must be true or false"));
    timing.catch_up = !*no_catchup->if_boolean();
  }
  return timing;
}

Result<ports::Response> create(const KubeflowApi& api, const ports::Request& request) {
  SLUICE_TRY(body, Fields::of(request));
  pipelines::RecurringRuns::NewRecurringRun wanted;
  SLUICE_TRY(run, new_run_of(body, request));
  wanted.run = std::move(run);
  SLUICE_TRY(timing, timing_of(body));
  wanted.timing = std::move(timing);
  SLUICE_TRY(mode, body.text("mode"));
  if (!mode.empty() && mode != "ENABLE" && mode != "DISABLE" && mode != "MODE_UNSPECIFIED")
    return Fail(user_error(Code::invalid_argument,
                           fmt::format("`mode` is `{}`; it must be ENABLE or DISABLE", mode.substr(0, 60))));
  wanted.enabled = mode != "DISABLE";
  const bool has_spec = !wanted.run.text.empty();
  SLUICE_TRY(made, api.recurring.create(request.principal, std::move(wanted)));
  auto out = outline_of(made);
  if (has_spec) out.set("pipeline_spec", *body.find("pipeline_spec"));
  auto response = json(out);
  response.subject = made.id;
  return response;
}

Result<ports::Response> get(const KubeflowApi& api, const ports::Request& request) {
  SLUICE_TRY(found, api.recurring.find(request.principal.workspace, request.params.at(0)));
  auto out = outline_of(found);
  SLUICE_DO(add_spec(api, found.run, out));
  return json(out);
}

Result<ports::Response> list(const KubeflowApi& api, const ports::Request& request) {
  SLUICE_DO(check_namespace(request.principal, request.query_at("namespace")));
  SLUICE_TRY(wanted, list_request(request, fields));
  SLUICE_TRY(page, api.recurring.list(request.principal.workspace,
                                      std::string(request.query_at("experiment_id")), wanted.query));
  return list_response("recurringRuns", page, token_of(wanted, page.next), outline_of);
}

Result<ports::Response> act(const KubeflowApi& api, const ports::Request& request) {
  const auto target = target_of(request);
  if (target.action != "enable" && target.action != "disable")
    return Fail(no_action(target, "enable, disable"));
  SLUICE_DO(api.recurring.set_enabled(request.principal.workspace, target.id, target.action == "enable"));
  return empty();
}

}  // namespace

void add_recurring_run_routes(const KubeflowApi& api, ports::Protocol& protocol) {
  auto& routes = protocol.routes;
  routes.push_back({.method = "POST",
                    .pattern = "/apis/v2beta1/recurringruns",
                    .handler = handler_of([api](const auto& r) { return create(api, r); }),
                    .body_max = pipelines::text_bytes_max,
                    .change = "schedule.create"});
  routes.push_back({.method = "GET",
                    .pattern = "/apis/v2beta1/recurringruns",
                    .handler = handler_of([api](const auto& r) { return list(api, r); })});
  routes.push_back({.method = "GET",
                    .pattern = "/apis/v2beta1/recurringruns/{}",
                    .handler = handler_of([api](const auto& r) { return get(api, r); })});
  routes.push_back({.method = "DELETE",
                    .pattern = "/apis/v2beta1/recurringruns/{}",
                    .handler = handler_of([api](const ports::Request& r) -> Result<ports::Response> {
                      SLUICE_DO(api.recurring.remove(r.principal.workspace, r.params.at(0)));
                      return empty();
                    }),
                    .change = "schedule.remove"});
  routes.push_back({.method = "POST",
                    .pattern = "/apis/v2beta1/recurringruns/{}",
                    .handler = handler_of([api](const auto& r) { return act(api, r); }),
                    .change = "schedule.change"});
}

}  // namespace sluice::api::kubeflow
