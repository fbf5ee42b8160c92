#include <chrono>
#include <thread>

#include <fmt/format.h>

#include "sluice/app/commands/command.hpp"
#include "sluice/app/commands/print_text.hpp"
#include "sluice/app/sweep_policy.hpp"
#include "sluice/base/json.hpp"
#include "sluice/base/words.hpp"

// The commands about what is stored: gc, df, fsck.

namespace sluice::app {
namespace {

std::string shown(std::int64_t bytes) { return human_bytes(static_cast<std::uint64_t>(bytes)); }

/// Begins the work and waits for it; returns its report.
Result<Value> do_work(Session& session, const std::string& target, const Value& body) {
  SLUICE_TRY(begun, call(*session.backend, "POST", target, body));
  const auto number = begun.integer_at("number");
  constexpr std::chrono::milliseconds pause_max{500};
  for (auto pause = std::chrono::milliseconds(5);; pause = std::min(pause * 2, pause_max)) {
    SLUICE_TRY(work, call(*session.backend, "GET", fmt::format("/v1/storage/work/{}", number)));
    if (work.text_at("state") == "done") {
      const auto* report = work.find("report");
      return report ? *report : Value();
    }
    std::this_thread::sleep_for(pause);
  }
}

void print_rooms(std::string_view title, const Value* rooms) {
  if (!rooms || !rooms->is_struct() || rooms->if_struct()->empty()) return;
  print_text(stdout, "{}\n", title);
  for (const auto& [kind, room] : *rooms->if_struct())
    print_text(stdout, "  {:<22} {:>9} {:>10}\n", kind, room.integer_at("things"),
               shown(room.integer_at("bytes")));
}

void print_things(const Value& report, std::string_view key, std::string_view verb) {
  for (const auto& thing : list_at(report, key))
    print_text(stdout, "{} {} {}: {}\n", verb, thing.text_at("kind"), thing.text_at("name"),
               thing.text_at("why"));
}

struct GcOptions {
  SessionOptions common;
  KeepOptions keep;
  std::string explain;
  bool dry_run = false;
};

Result<Exit> gc(Session& session, const GcOptions& options) {
  SLUICE_TRY(policy, policy_of(options.keep));
  Struct body;
  body.set("dry_run", options.dry_run || !options.explain.empty());
  if (policy.keep_runs)
    body.set("keep_runs", std::chrono::duration_cast<std::chrono::seconds>(*policy.keep_runs).count());
  if (policy.keep_removed)
    body.set("keep_removed", std::chrono::duration_cast<std::chrono::seconds>(*policy.keep_removed).count());
  if (policy.keep_last) body.set("keep_last", *policy.keep_last);
  if (policy.cache_bytes) body.set("cache_bytes", *policy.cache_bytes);
  if (!options.explain.empty()) body.set("explain", options.explain);
  SLUICE_TRY(report, do_work(session, "/v1/storage/sweep", body));
  if (options.common.json) {
    print_json(report);
    return Exit::ok;
  }
  if (!options.explain.empty()) {
    print_text(stdout, "object {} {}\n", options.explain, report.text_at("explained"));
    return Exit::ok;
  }
  if (options.dry_run) {
    print_things(report, "goes", "goes: ");
    print_things(report, "stays", "stays:");
  }
  print_rooms(options.dry_run ? "would be removed" : "removed", report.find("removed"));
  print_rooms("kept", report.find("kept"));
  return Exit::ok;
}

Result<Exit> df(Session& session, const SessionOptions& options) {
  SLUICE_TRY(usage, call(*session.backend, "GET", "/v1/storage"));
  if (options.json) {
    print_json(usage);
    return Exit::ok;
  }
  for (const auto& area : list_at(usage, "areas"))
    print_text(stdout, "{:<10} {:>9} {:>10}\n", area.text_at("name"), area.integer_at("things"),
               shown(area.integer_at("bytes")));
  print_text(stdout, "{:<10} {:>9} {:>10}\n", "all", "", shown(usage.integer_at("bytes")));
  if (usage.find("quota"))
    print_text(stdout, "{:<10} {:>9} {:>10}\n", "quota", "", shown(usage.integer_at("quota")));
  print_text(stdout, "{:<10} {:>9} {:>10}\n", "disk free", "", shown(usage.integer_at("free")));
  return Exit::ok;
}

Result<Exit> fsck(Session& session, const SessionOptions& options) {
  SLUICE_TRY(report, do_work(session, "/v1/storage/check", {}));
  const auto& problems = list_at(report, "problems");
  if (options.json) {
    print_json(report);
  } else {
    for (const auto& problem : problems) {
      print_text(stdout, "{}: {}\n", problem.text_at("what"), problem.text_at("why"));
      for (const auto& who : list_at(problem, "needed_by"))
        print_text(stdout, "  needed by {}\n", who.if_string() ? *who.if_string() : "");
      if (const auto more = problem.integer_at("needed_by_more"); more > 0)
        print_text(stdout, "  and by {} more\n", more);
    }
    print_text(
        stdout, "{} objects ({}), {} model versions and {} journals read: {}\n", report.integer_at("objects"),
        shown(report.integer_at("bytes")), report.integer_at("versions"), report.integer_at("journals"),
        problems.empty()
            ? "no problem found"
            : fmt::format("{} problem{}",
                          problems.size() + static_cast<std::size_t>(report.integer_at("problems_more")),
                          problems.size() == 1 ? "" : "s"));
  }
  return problems.empty() ? Exit::ok : Exit::failed;
}

}  // namespace

void add_gc(CommandLine& program) {
  auto options = std::make_shared<GcOptions>();
  auto& command = program.add("gc", "remove what nothing needs, and old runs and results as told");
  add_session(command, options->common,
              "sluice gc --dry-run --keep-runs 30d --keep-last 100 --cache-bytes 20GB");
  command.flag("--dry-run", options->dry_run, "remove nothing; say what would go, and why the rest stays");
  add_keep(command, options->keep, "keep all");
  command.option("--why", options->explain, "say why this object stays, and remove nothing",
                 {.name = "DIGEST"});
  command.when_called([options] {
    return with_session(options->common, "gc", [&](Session& session) { return gc(session, *options); });
  });
}

void add_df(CommandLine& program) {
  auto options = std::make_shared<SessionOptions>();
  auto& command = program.add("df", "show what takes the room of a data folder");
  add_session(command, *options, "sluice df");
  command.when_called([options] {
    return with_session(*options, "df", [&](Session& session) { return df(session, *options); });
  });
}

void add_fsck(CommandLine& program) {
  auto options = std::make_shared<SessionOptions>();
  auto& command = program.add("fsck", "read all that is stored; name what is damaged, and what needs it");
  add_session(command, *options, "sluice fsck");
  command.when_called([options] {
    return with_session(*options, "fsck", [&](Session& session) { return fsck(session, *options); });
  });
}

}  // namespace sluice::app
