#include <fmt/format.h>

#include "sluice/app/commands/page.hpp"
#include "sluice/app/commands/submit.hpp"
#include "sluice/base/json.hpp"

// The commands of schedules: schedule, schedules.

namespace sluice::app {
namespace {

struct NewSchedule {
  SessionOptions common;
  RunRequest request;
  std::string cron;
  std::string every;
  std::string time_zone;
  std::string start;
  std::string end;
  bool no_catch_up = false;
  int max_concurrency = 1;
  std::string name;
  std::string instant_input;
  bool disabled = false;
};

/// "every 15m", "30 7 * * mon-fri, Europe/Berlin"
std::string timing_of(const Value& schedule) {
  if (schedule.find("every")) return "every " + schedule.text_at("every");
  const auto zone = schedule.text_at("time_zone");
  return schedule.text_at("cron") + (zone == "UTC" ? "" : ", " + zone);
}

void warn_without_server(const Session& session) {
  if (session.platform)
    print_text(stderr, "note: no server serves this data folder; runs start while `sluice up{}` does\n",
               session.hint_options);
}

Result<Exit> schedule(Session& session, const NewSchedule& options) {
  const auto notice = [](const std::string& line) { print_text(stderr, "{}\n", line); };
  SLUICE_TRY(body, prepare_submission(session, options.request, notice, options.instant_input));
  for (const auto& [field, text] : {std::pair("cron", &options.cron),
                                    {"every", &options.every},
                                    {"time_zone", &options.time_zone},
                                    {"start", &options.start},
                                    {"end", &options.end},
                                    {"name", &options.name},
                                    {"instant_input", &options.instant_input}})
    if (!text->empty()) body.set(field, *text);
  body.set("catch_up", !options.no_catch_up);
  body.set("max_concurrency", std::int64_t{options.max_concurrency});
  body.set("enabled", !options.disabled);
  SLUICE_TRY(created, call(*session.backend, "POST", "/v1/schedules", body));
  tell_warnings(created, notice);
  if (options.common.json)
    print_json(created);
  else if (const auto next = created.text_at("next"); next.empty())
    print_text(stdout, "schedule {} is disabled; `sluice schedules enable {}{}` enables it\n",
               created.text_at("schedule"), created.text_at("schedule"), session.hint_options);
  else
    print_text(stdout, "schedule {}, next run {}\n", created.text_at("schedule"), next);
  warn_without_server(session);
  return Exit::ok;
}

void print_schedule(const Value& schedule) {
  print_text(stdout, "schedule  {}\nid        {}\nplan      {}\nwhen      {}\n", schedule.text_at("schedule"),
             schedule.text_at("id"), schedule.text_at("plan"), timing_of(schedule));
  for (const auto& [title, field] : {std::pair("after", "start"), {"until", "end"}, {"last run", "last"}})
    if (schedule.find(field)) print_text(stdout, "{:<9} {}\n", title, schedule.text_at(field));
  print_text(stdout, "runs      {} so far, at most {} at once{}\n", schedule.integer_at("runs"),
             schedule.integer_at("max_concurrency"),
             schedule.boolean_at("catch_up") ? "" : "; of what was missed, the latest alone");
  if (!schedule.boolean_at("enabled")) print_text(stdout, "disabled\n");
  if (const auto due = schedule.text_at("next"); !due.empty()) print_text(stdout, "next      {}\n", due);
  if (const auto problem = schedule.text_at("problem"); !problem.empty())
    print_text(stdout, "problem   {}\n", problem);
  if (const auto& upcoming = list_at(schedule, "upcoming"); !upcoming.empty()) {
    print_text(stdout, "upcoming\n");
    for (const auto& time : upcoming)
      if (const auto* text = time.if_string()) print_text(stdout, "  {}\n", *text);
  }
  if (const auto* inputs = schedule.find("inputs");
      inputs && inputs->is_struct() && !inputs->if_struct()->empty()) {
    print_text(stdout, "inputs\n");
    for (const auto& [name, value] : *inputs->if_struct())
      print_text(stdout, "  {} = {}\n", name, to_json(value));
  }
}

struct ScheduleAction : PageOptions {
  std::string action;
  std::string name;
};

Result<Exit> list(Session& session, const ScheduleAction& options) {
  SLUICE_TRY(response, call(*session.backend, "GET", "/v1/schedules" + options.query()));
  return print_page(session, options, response, "schedules", "sluice schedules", [](const Value& schedule) {
    const auto next = schedule.text_at("next");
    print_text(stdout, "{:<24} {:<32} {:<24}  {}{}\n", schedule.text_at("schedule"), timing_of(schedule),
               !schedule.boolean_at("enabled") ? "disabled"
               : next.empty()                  ? "has ended"
                                               : next,
               schedule.text_at("plan"), schedule.find("problem") ? "  (has a problem)" : "");
  });
}

Result<Exit> schedules(Session& session, const ScheduleAction& options) {
  const auto& action = options.action;
  if (action.empty() || action == "list") {
    if (!options.name.empty())
      return Fail(user_error(Code::invalid_argument, "`sluice schedules list` takes no name"));
    return list(session, options);
  }
  if (options.name.empty())
    return Fail(
        user_error(Code::invalid_argument, fmt::format("`sluice schedules {}` needs a NAME", action)));
  const auto path = "/v1/schedules/" + percent_encode(options.name);
  if (action == "show") {
    SLUICE_TRY(found, call(*session.backend, "GET", path));
    if (options.common.json)
      print_json(found);
    else
      print_schedule(found);
    return Exit::ok;
  }
  SLUICE_TRY(done, action == "rm" ? call(*session.backend, "DELETE", path)
                                  : call(*session.backend, "POST", path + "/" + action, Struct{}));
  if (options.common.json) print_json(done);
  if (action == "enable") warn_without_server(session);
  return Exit::ok;
}

}  // namespace

void add_schedule(CommandLine& program) {
  auto options = std::make_shared<NewSchedule>();
  auto& command = program.add("schedule", "run a pipeline again and again: at times, or at intervals");
  add_session(command, options->common,
              "sluice schedule plan.yaml --cron '30 7 * * mon-fri' --time-zone Europe/Berlin\n"
              "  sluice schedule plan.yaml --every 15m --name quarters --no-catch-up");
  command.argument("FILE", options->request.file,
                   "the plan, in any dialect, or a package or Python file of kfp");
  command.option(
      "--cron", options->cron,
      "when: minute, hour, day of the month, month and day of the week; with six fields, the first is the "
      "second; or @hourly, @daily, @weekly, @monthly",
      {.name = "EXPRESSION"});
  command.option("--every", options->every, "the interval: 90s, 15m, 1h30m, 2d", {.name = "INTERVAL"});
  command.option("--time-zone", options->time_zone, "whose clocks --cron means; default UTC",
                 {.name = "ZONE"});
  command.option("--start", options->start,
                 "only after this time; if it is past, what was missed is caught up on", {.name = "TIME"});
  command.option("--end", options->end, "not after this time", {.name = "TIME"});
  command.flag("--no-catch-up", options->no_catch_up,
               "of runs that were missed, start the latest alone; default: each of them");
  command.option("--max-concurrency", options->max_concurrency,
                 "how many of its runs may be under way at once; default 1",
                 {.range = ValueRules::Range{1, 100}});
  command.option("--name", options->name, "of the schedule; default: that of the plan's file",
                 {.name = "NAME"});
  command.option("--instant-input", options->instant_input,
                 "an input that is given the time for which a run is", {.name = "NAME"});
  command.flag("--disabled", options->disabled, "create it, and let it start nothing yet");
  command.option(
      "--input", options->request.inputs,
      "an input of the pipeline, the same for each run; artifacts are paths, or URLs with https or s3",
      {.name = "NAME=VALUE"});
  command.option("--input-secret", options->request.input_secrets,
                 "the secret that fetches an input from its URL", {.name = "NAME=SECRET"});
  add_remote(command, options->common.remote);
  add_ways_to_run(command, options->request);
  command.when_called([options] {
    return with_session(options->common, "schedule",
                        [&](Session& session) { return schedule(session, *options); });
  });
}

void add_schedules(CommandLine& program) {
  auto options = std::make_shared<ScheduleAction>();
  auto& command = program.add("schedules", "list, show, enable, disable and remove schedules");
  add_page(command, *options, "sluice schedules\n  sluice schedules disable nightly", "schedules", "NAME");
  command.argument("ACTION", options->action, "default: list",
                   {.one_of = {"list", "show", "enable", "disable", "rm"}, .may_be_absent = true});
  command.argument("NAME", options->name, "of the schedule, or its id", {.may_be_absent = true});
  command.when_called([options] {
    return with_session(options->common, "schedules",
                        [&](Session& session) { return schedules(session, *options); });
  });
}

}  // namespace sluice::app
