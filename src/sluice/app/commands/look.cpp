#include <algorithm>

#include <fmt/format.h>

#include "sluice/app/commands/page.hpp"
#include "sluice/app/terminal/metrics_lines.hpp"
#include "sluice/app/terminal/run_tree.hpp"
#include "sluice/base/json.hpp"
#include "sluice/base/words.hpp"
#include "sluice/ir/path.hpp"

// The commands that show data: runs, show, logs.

namespace sluice::app {
namespace {

/// An artifact in one line.
std::string artifact_text(const Value& artifact) {
  const auto digest = artifact.text_at("digest");
  if (digest.empty()) return artifact.text_at("uri");
  return digest.substr(0, 16) + " " + human_bytes(static_cast<std::uint64_t>(artifact.integer_at("size")));
}

/// What there is to be read of an artifact that a task made, in lines; `output` is what `sluice get` calls
/// it.
std::vector<std::string> lines_of(Backend& backend, const Value& artifact, const std::string& run,
                                  const std::string& output) {
  constexpr std::int64_t shown_bytes = 16 << 10;
  constexpr std::size_t shown_lines = 20;
  const auto kind = artifact.text_at("kind");
  const auto digest = artifact.text_at("digest");
  const auto* metadata = artifact.find("metadata");
  std::vector<std::string> lines;
  if (metadata != nullptr) lines = metrics_lines(kind, *metadata);
  const bool is_text = kind == "system.Markdown" && artifact.text_at("form") == "file";
  if (is_text && !digest.empty() && artifact.integer_at("size") <= shown_bytes) {
    const auto text = call_for_text(backend, "/v1/objects/" + digest);
    if (!text) return {"cannot be shown: " + text.error().message};
    for (std::string_view rest = *text; !rest.empty() && lines.size() <= shown_lines;) {
      const auto end = std::min(rest.find('\n'), rest.size());
      lines.emplace_back(lines.size() < shown_lines
                             ? std::string(rest.substr(0, end))
                             : fmt::format("and more: sluice get {} {}", run, shell_word(output)));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  } else if (kind == "system.HTML" || is_text) {
    if (!digest.empty()) lines.push_back(fmt::format("sluice get {} {}", run, shell_word(output)));
  }
  return lines;
}

void print_run(Backend& backend, const Value& run) {
  print_text(stdout, "run       {}\nplan      {}\nstatus    {}\n", run.text_at("run"), run.text_at("name"),
             run.text_at("status"));
  if (const auto* schedule = run.find("schedule"))
    print_text(stdout, "schedule  {}, for {}\n", schedule->text_at("name"), schedule->text_at("instant"));
  if (run.find("seconds")) print_text(stdout, "took      {:.2f} s\n", run.number_at("seconds"));
  if (const auto message = run.text_at("message"); !message.empty()) {
    const auto failed_at = ir::readable_path(run.text_at("failed_at"));
    print_text(stdout, "error     {}{}{}\n", failed_at, failed_at.empty() ? "" : ": ", message);
  }
  if (const auto* tracked = run.find("tracked"))
    print_text(stdout, "tracked   /mlflow/#/experiments/{}/runs/{}\n", tracked->text_at("experiment"),
               tracked->text_at("run"));
  const auto print_fields = [](std::string_view title, const Value* fields) {
    if (!fields || !fields->is_struct() || fields->if_struct()->empty()) return;
    print_text(stdout, "{}\n", title);
    for (const auto& [name, value] : *fields->if_struct()) {
      const auto* artifact = value.find("$artifact");
      print_text(stdout, "  {} = {}\n", name,
                 artifact ? fmt::format("{} {} ({})", artifact->text_at("kind"),
                                        artifact->text_at("digest").substr(0, 12),
                                        human_bytes(static_cast<std::uint64_t>(artifact->integer_at("size"))))
                          : to_json(value));
    }
  };
  print_fields("inputs", run.find("inputs"));
  print_fields("outputs", run.find("outputs"));
  print_text(stdout, "tasks\n");
  for (const auto& task : list_at(run, "tasks")) {
    const auto* progress = task.find("progress");
    const auto title = task.text_at("title");
    print_text(stdout, "  {:<28} {:<10} {:>8}  {}\n", ir::readable_path(task.text_at("path")),
               task.boolean_at("cached") ? "cached" : task.text_at("status"),
               task.find("seconds") ? fmt::format("{:.2f} s", task.number_at("seconds")) : "",
               progress ? human_progress(runs::progress_from(*progress)) : task.text_at("why"));
    if (!title.empty()) print_text(stdout, "    {}\n", title);
    if (const auto* failure = task.find("failure"))
      print_text(stdout, "    {}\n", failure->text_at("message"));
    for (const auto& remark : list_at(task, "remarks")) print_text(stdout, "    {}\n", *remark.if_string());
    if (const auto key = task.text_at("key"); !key.empty())
      print_text(stdout, "    key {}\n", key.substr(0, 16));
    if (const auto* outputs = task.find("outputs"); outputs && outputs->is_struct())
      for (const auto& [name, value] : *outputs->if_struct()) {
        const auto* artifact = value.find("$artifact");
        auto text = artifact ? artifact_text(*artifact) : to_json(value);
        if (text.size() > 100) text = text.substr(0, 97) + "...";
        print_text(stdout, "    {} = {}\n", name, text);
        if (artifact == nullptr) continue;
        const auto output = ir::readable_path(task.text_at("path")) + "." + name;
        for (const auto& line : lines_of(backend, *artifact, run.text_at("run"), output))
          print_text(stdout, "      {}\n", line);
      }
  }
  if (const auto omitted = run.integer_at("tasks_omitted"); omitted > 0)
    print_text(stdout, "  and {} more; `sluice show` lists the first ten thousand, and failed ones\n",
               omitted);
}

void print_version(const Value& version) {
  std::string aliases;
  for (const auto& alias : list_at(version, "aliases"))
    aliases += (aliases.empty() ? "" : ", ") + *alias.if_string();
  print_text(stdout, "model       {} v{}\ncommit      {}\ncreated     {}\n", version.text_at("model"),
             version.integer_at("version"), version.text_at("commit"), version.text_at("created"));
  if (!aliases.empty()) print_text(stdout, "aliases     {}\n", aliases);
  if (const auto run = version.text_at("run"); !run.empty()) {
    const auto task = version.text_at("task");
    print_text(stdout, "created by  run {}{}\n", run,
               task.empty() ? "" : fmt::format(", task {}", ir::readable_path(task)));
  }
  print_text(stdout, "repository  {}\nfiles\n", version.text_at("repository"));
  for (const auto& file : list_at(version, "files"))
    print_text(stdout, "  {:<24} {:>10}  {}\n", file.text_at("path"),
               human_bytes(static_cast<std::uint64_t>(file.integer_at("size"))),
               file.text_at("digest").substr(0, 16));
}

Error neither_run_nor_model(Session& session, const std::string& what) {
  std::vector<std::string> names{"latest"};
  if (const auto models = call(*session.backend, "GET", "/v1/models?limit=200"))
    for (const auto& model : list_at(*models, "models")) names.push_back(model.text_at("model"));
  if (const auto runs = call(*session.backend, "GET", "/v1/runs?limit=1000"))
    for (const auto& run : list_at(*runs, "runs")) names.push_back(run.text_at("run"));
  auto hint = did_you_mean(what, names);
  if (hint.empty()) hint = "; see `sluice runs` and `sluice models`";
  return user_error(Code::not_found, fmt::format("there is neither a run nor a model `{}`{}", what, hint));
}

/// Shows the run with that id, else the model with that name.
Result<Exit> show(Session& session, const std::string& what, bool json) {
  const auto at = what.find('@');
  if (at == std::string::npos) {
    auto run = call(*session.backend, "GET", "/v1/runs/" + percent_encode(what));
    if (run) {
      if (json)
        print_json(*run);
      else
        print_run(*session.backend, *run);
      return Exit::ok;
    }
    if (run.error().code != Code::not_found) return Fail(run.error());
  }
  const auto model = percent_encode(what.substr(0, at));
  const auto reference = at == std::string::npos ? std::string("champion") : what.substr(at + 1);
  auto version =
      call(*session.backend, "GET", "/v1/models/" + model + "/versions/" + percent_encode(reference));
  // Names with `@` cannot be registered any more; older ones are shown without a version.
  if (!version && at != std::string::npos && version.error().code == Code::not_found)
    if (auto whole =
            call(*session.backend, "GET", "/v1/models/" + percent_encode(what) + "/versions/champion"))
      version = std::move(whole);
  if (!version && at == std::string::npos && version.error().code == Code::not_found)
    return Fail(what == "latest" ? user_error(Code::not_found, "there are no runs yet")
                                 : neither_run_nor_model(session, what));
  if (!version) return Fail(version.error());
  if (json)
    print_json(*version);
  else
    print_version(*version);
  return Exit::ok;
}

}  // namespace

void add_runs(CommandLine& program) {
  struct Options : PageOptions {
    std::string status;
    std::string schedule;
  };
  auto options = std::make_shared<Options>();
  options->limit = 20;
  auto& command = program.add("runs", "list runs, newest first");
  add_page(command, *options, "sluice runs --status failed", "runs", "RUN");
  command.option("--status", options->status, "only runs with this status",
                 {.one_of = {"running", "succeeded", "failed", "cancelled", "set_aside"}});
  command.option("--schedule", options->schedule, "only runs that this schedule started", {.name = "NAME"});
  command.when_called([options] {
    return with_session(options->common, "runs", [&](Session& session) -> Result<Exit> {
      SLUICE_TRY(response, call(*session.backend, "GET",
                                "/v1/runs" + options->query() + "&status=" + options->status +
                                    "&schedule=" + percent_encode(options->schedule)));
      auto command = "sluice runs" + (options->status.empty() ? "" : " --status " + options->status);
      if (!options->schedule.empty()) command += " --schedule " + shell_word(options->schedule);
      return print_page(session, *options, response, "runs", command, [](const Value& run) {
        print_text(stdout, "{}  {:<10} {}  {:>8}  {}\n", run.text_at("run"), run.text_at("status"),
                   run.text_at("created"),
                   run.find("seconds") ? fmt::format("{:.2f} s", run.number_at("seconds")) : "",
                   run.text_at("name"));
      });
    });
  });
}

void add_show(CommandLine& program) {
  struct Options {
    SessionOptions common;
    std::string what;
  };
  auto options = std::make_shared<Options>();
  auto& command = program.add("show", "show a run or a model version in detail");
  add_session(command, options->common, "sluice show latest\n  sluice show stamps@v2");
  command.argument("RUN|MODEL[@VERSION]", options->what, "run id or a prefix of it, `latest`, or a model");
  command.when_called([options] {
    return with_session(options->common, "show",
                        [&](Session& session) { return show(session, options->what, options->common.json); });
  });
}

void add_logs(CommandLine& program) {
  struct Options {
    SessionOptions common;
    std::string run;
    std::string task;
    int attempt = 0;
    bool follow = false;
  };
  auto options = std::make_shared<Options>();
  auto& command = program.add("logs", "print the output of a task");
  add_session(command, options->common,
              "sluice logs latest evaluate\n  sluice logs latest evaluate --follow");
  command.argument("RUN", options->run, "run id, a prefix of it, or `latest`");
  command.argument("TASK", options->task, "path of the task, as `sluice show RUN` lists it");
  command.option("--attempt", options->attempt, "number of the attempt; default: the last",
                 {.range = ValueRules::Range{1, 1000000}});
  command.flag("--follow", options->follow,
               "keep printing until the task has ended, through all its attempts");
  command.when_called([options] {
    return with_session(options->common, "logs", [&](Session& session) -> Result<Exit> {
      const auto target = fmt::format("/v1/runs/{}/log?task={}&attempt={}", percent_encode(options->run),
                                      percent_encode(ir::path_of_readable(options->task)), options->attempt);
      std::string text;
      const auto print = [&](std::string_view bytes) {
        if (options->common.json) {
          text += bytes;
          return true;
        }
        return std::fwrite(bytes.data(), 1, bytes.size(), stdout) == bytes.size() && std::fflush(stdout) == 0;
      };
      if (options->follow) {
        SLUICE_DO(stream(*session.backend,
                         {.target = target + "&follow=1", .on_bytes = print, .may_be_silent = true}));
      } else {
        SLUICE_TRY(all, call_for_text(*session.backend, target));
        print(all);
      }
      if (options->common.json) {
        Struct s;
        s.set("log", std::move(text));
        print_json(s);
      }
      return Exit::ok;
    });
  });
}

}  // namespace sluice::app
