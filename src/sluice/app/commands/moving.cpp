#include "sluice/domain/tracking/moving.hpp"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>
#include <unistd.h>

#include "sluice/app/commands/command.hpp"
#include "sluice/app/commands/print_text.hpp"
#include "sluice/app/plugins.hpp"
#include "sluice/base/json.hpp"
#include "sluice/base/words.hpp"
#include "sluice/os/files.hpp"

// The commands import and export.

namespace sluice::app {
namespace {

struct MovingOptions {
  CommonOptions common;
  std::string program;
  std::string place;
  std::string artifacts;
};

Value json_of(const tracking::Moved::Count& count) {
  Struct s;
  s.set("seen", count.seen);
  s.set("added", count.added);
  s.set("changed", count.changed);
  return s;
}

using Counts = std::vector<std::pair<std::string_view, const tracking::Moved::Count*>>;

Counts counts_of(const tracking::Moved& moved) {
  return {{"experiments", &moved.experiments},
          {"runs", &moved.runs},
          {"logged models", &moved.models},
          {"registered models", &moved.registered_models},
          {"versions of models", &moved.versions},
          {"aliases", &moved.aliases},
          {"traces", &moved.traces},
          {"spans", &moved.spans},
          {"assessments", &moved.assessments},
          {"points of metrics", &moved.points},
          {"parameters", &moved.parameters},
          {"tags", &moved.tags},
          {"uses of datasets and models", &moved.uses},
          {"files", &moved.files}};
}

Exit print(const MovingOptions& options, const tracking::Moved& moved) {
  if (options.common.json) {
    Struct s;
    for (const auto& [name, count] : counts_of(moved)) {
      std::string key(name);
      std::ranges::replace(key, ' ', '_');
      s.set(std::move(key), json_of(*count));
    }
    s.set("bytes", moved.bytes);
    s.set("not_moved", moved.unmoved);
    List reasons;
    for (const auto& unmoved : moved.reasons) {
      Struct reason;
      reason.set("what", unmoved.what);
      reason.set("why", unmoved.why);
      reasons.emplace_back(std::move(reason));
    }
    s.set("reasons", std::move(reasons));
    List others;
    for (const auto& other : moved.others) others.emplace_back(other);
    s.set("not_taken_yet", std::move(others));
    print_json(s);
  } else {
    print_text(stdout, "{:<28} {:>10} {:>10} {:>10}\n", "", "found", "new", "changed");
    for (const auto& [name, count] : counts_of(moved))
      print_text(stdout, "{:<28} {:>10} {:>10} {:>10}\n", name, count->seen, count->added, count->changed);
    print_text(stdout, "all of it was read back; {} of new files\n",
               human_bytes(static_cast<std::uint64_t>(moved.bytes)));
    for (const auto& other : moved.others) print_text(stdout, "not taken yet: {}\n", other);
    for (const auto& unmoved : moved.reasons)
      print_text(stderr, "not moved: {}: {}\n", unmoved.what, unmoved.why);
    const auto more = moved.unmoved - static_cast<std::int64_t>(moved.reasons.size());
    if (more > 0) print_text(stderr, "not moved: {} more\n", more);
  }
  return moved.unmoved == 0 ? Exit::ok : Exit::failed;
}

/// Says on a terminal how far it is, every second.
std::function<void(const tracking::Moved&)> progress_on_terminal() {
  if (::isatty(STDERR_FILENO) == 0) return {};
  return [next = std::chrono::steady_clock::now()](const tracking::Moved& moved) mutable {
    const auto now = std::chrono::steady_clock::now();
    if (now < next) return;
    next = now + std::chrono::seconds(1);
    print_text(stderr, "{} runs, {} points, {} files …\n", moved.runs.seen, moved.points.seen,
               moved.files.seen);
  };
}

/// The lock of a data folder, which is made if it is missing.
Result<os::FileLock> hold(const DataFolder& data, std::string_view holder) {
  SLUICE_DO(os::make_directories(data.root));
  SLUICE_DO(os::make_directories(data.cache()));
  auto lock = os::FileLock::take(data.lock(), holder);
  if (lock) return lock;
  SLUICE_TRY(other, os::FileLock::holder_of(data.lock()));
  if (!other) return Fail(std::move(lock).error());
  return Fail(user_error(Code::failed_precondition,
                         "the data folder " + data.root.string() + " is in use by " + *other +
                             "; stop that process first, or pass another folder with --data"));
}

Result<Exit> import_from(const MovingOptions& options) {
  SLUICE_TRY(data, find_data_folder(options.common.data));
  // The source first: a wrong one leaves no data folder.
  SLUICE_TRY(source, open_moving_source(options.place, options.artifacts));
  SLUICE_TRY(lock, hold(data, "sluice import"));
  const SystemClock clock;
  SLUICE_TRY(ledger, open_ledger(data));
  SLUICE_TRY(objects, open_object_store(data, clock));
  SLUICE_TRY(models, open_models(data, *objects, clock));
  const auto target = make_moving_target(ledger, models, *objects, clock);
  SLUICE_TRY(moved, tracking::move_tracking({.records = *source.records,
                                             .files = *source.files,
                                             .to_records = *target.records,
                                             .to_files = *target.files,
                                             .to_registry = *target.registry,
                                             .to_traces = *target.traces,
                                             .progress = progress_on_terminal()}));
  return print(options, moved);
}

Result<Exit> export_to(const MovingOptions& options) {
  SLUICE_TRY(data, find_data_folder(options.common.data));
  if (!os::exists(data.ledger()))
    return Fail(user_error(Code::not_found, data.root.string() + ": not a data folder: it has no ledger.db"));
  SLUICE_TRY(lock, hold(data, "sluice export"));
  const SystemClock clock;
  SLUICE_TRY(ledger, open_ledger(data));
  SLUICE_TRY(objects, open_object_store(data, clock));
  SLUICE_TRY(models, open_models(data, *objects, clock));
  const auto source = make_kept_source(ledger, models, *objects, clock, !options.artifacts.empty());
  SLUICE_TRY(target, open_moving_target(options.place, options.artifacts, clock));
  SLUICE_TRY(moved, tracking::move_tracking({.records = *source.records,
                                             .files = *source.files,
                                             .to_records = *target.records,
                                             .to_files = *target.files,
                                             .to_registry = *target.registry,
                                             .to_traces = *target.traces,
                                             .progress = progress_on_terminal()}));
  if (options.artifacts.empty())
    print_text(stderr, "files were not copied; name a folder for them with --artifacts\n");
  return print(options, moved);
}

}  // namespace

void add_export(CommandLine& program) {
  auto options = std::make_shared<MovingOptions>();
  auto& command = program.add("export", "write what was tracked into an empty database of another program");
  add_common(command, options->common, "sluice export mlflow ./mlflow.db --artifacts ./artifacts");
  command.argument("PROGRAM", options->program, "whose database it is", {.one_of = {"mlflow"}});
  command.argument("TARGET", options->place, "a SQLite file that `mlflow db upgrade` made", {});
  command.option("--artifacts", options->artifacts, "a new folder, into which artifacts are copied",
                 {.name = "DIR"});
  command.when_called([options] {
    const auto done = export_to(*options);
    return done ? *done : report(done.error());
  });
}

void add_import(CommandLine& program) {
  auto options = std::make_shared<MovingOptions>();
  auto& command = program.add("import", "take what was tracked with another program, or what is new of it");
  add_common(command, options->common, "sluice import mlflow ./mlflow.db");
  command.argument("PROGRAM", options->program, "what it was tracked with", {.one_of = {"mlflow"}});
  command.argument("SOURCE", options->place,
                   "the URL of a server of MLflow, its SQLite file, or its folder `mlruns`", {});
  command.option("--artifacts", options->artifacts,
                 "the folder in which MLflow's server kept artifacts (its --artifacts-destination)",
                 {.name = "DIR"});
  command.when_called([options] {
    const auto done = import_from(*options);
    return done ? *done : report(done.error());
  });
}

}  // namespace sluice::app
