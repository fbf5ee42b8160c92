#include <fmt/format.h>

#include "sluice/app/commands/command.hpp"
#include "sluice/app/commands/print_text.hpp"
#include "sluice/app/plugins.hpp"
#include "sluice/base/json.hpp"
#include "sluice/base/words.hpp"
#include "sluice/ir/path.hpp"
#include "sluice/os/files.hpp"

// The command that fetches an output of a run.

namespace sluice::app {
namespace {

namespace fs = std::filesystem;

struct GetOptions {
  SessionOptions common;
  std::string run;
  std::string output;
  std::string out;
};

/// Adds the fields of `outputs`, each under its name with `prefix`.
Result<void> add_outputs(const Value& owner, const std::string& prefix, Struct& all) {
  const auto* outputs = owner.find("outputs");
  if (!outputs) return {};
  SLUICE_TRY(read, from_tagged(*outputs));
  if (!read.is_struct()) return {};
  for (const auto& [name, value] : *read.if_struct()) all.set(prefix + name, value);
  return {};
}

/// The outputs of a run by their names, and those of its tasks as TASK.NAME.
Result<Struct> outputs_of(Session& session, const std::string& run) {
  SLUICE_TRY(report, call(*session.backend, "GET", "/v1/runs/" + percent_encode(run)));
  Struct all;
  SLUICE_DO(add_outputs(report, "", all));
  if (const auto* tasks = report.find("tasks"); tasks && tasks->is_list())
    for (const auto& task : *tasks->if_list())
      SLUICE_DO(add_outputs(task, ir::readable_path(task.text_at("path")) + ".", all));
  return all;
}

/// Stores here the objects of the artifact that are missing here.
Result<void> fetch(Session& session, ports::ObjectStore& store, const Artifact& artifact) {
  const auto target = [](const Digest& digest) { return "/v1/objects/" + digest.hex(); };
  std::vector<Digest> digests{*artifact.digest};
  if (artifact.form == Form::directory) {
    SLUICE_TRY(parts, call(*session.backend, "GET", target(*artifact.digest) + "/parts"));
    const auto* list = parts.find("digests");
    for (const auto& hex : list && list->is_list() ? *list->if_list() : List()) {
      SLUICE_TRY(digest, Digest::from_hex(hex.if_string() ? *hex.if_string() : ""));
      digests.push_back(digest);
    }
  }
  SLUICE_DO(os::make_directories(session.data.unfinished()));
  SLUICE_TRY(folder, os::TemporaryDirectory::make(session.data.unfinished(), "fetched-"));
  for (const auto& digest : store.missing(digests)) {
    const auto file = folder.path() / digest.hex();
    SLUICE_DO(download(*session.backend, target(digest), file));
    SLUICE_DO(store.put_file(file, &digest));
    SLUICE_DO(os::remove_tree(file));
  }
  return {};
}

/// Where the artifact is written unless `--out` says it: its own name, which a server may have made up.
fs::path name_for(const Artifact& artifact, const std::string& output) {
  const auto is_plain = [](std::string_view name) {
    return !name.empty() && !name.starts_with('.') && name.find('/') == std::string_view::npos &&
           name.find('\0') == std::string_view::npos;
  };
  if (is_plain(artifact.name)) return artifact.name;
  return percent_encode(output.substr(output.rfind('.') + 1));
}

Result<Exit> get(Session& session, const GetOptions& options) {
  SLUICE_TRY(outputs, outputs_of(session, options.run));
  const auto* value = outputs.find(options.output);
  if (!value) {
    std::vector<std::string> names;
    for (const auto& [name, unused] : outputs) names.push_back(name);
    auto hint = did_you_mean(options.output, names);
    if (hint.empty()) hint = fmt::format("; see `sluice show {}`", options.run);
    return Fail(user_error(Code::not_found,
                           fmt::format("run {} has no output `{}`{}", options.run, options.output, hint)));
  }
  const auto* artifact = value->if_artifact();
  if (!artifact) {
    if (!options.out.empty()) {
      SLUICE_DO(
          os::write_file(options.out, value->if_string() ? *value->if_string() : to_json(*value) + "\n"));
    } else if (const auto* text = value->if_string(); text && !options.common.json) {
      fmt::print("{}{}", *text, text->ends_with('\n') ? "" : "\n");
    } else {
      print_json(to_tagged(*value));
    }
    return Exit::ok;
  }
  if (!artifact->digest)
    return Fail(user_error(Code::failed_precondition,
                           fmt::format("output `{}` is not stored: {}", options.output, artifact->uri)));
  const fs::path to = options.out.empty() ? name_for(*artifact, options.output) : fs::path(options.out);
  if (os::exists(to))
    return Fail(
        user_error(Code::already_exists,
                   os::printable(to) + ": already exists; name another path with --out, or remove it"));
  const SystemClock clock;
  SLUICE_TRY(store, open_object_store(session.data, clock));
  if (!session.platform) SLUICE_DO(fetch(session, *store, *artifact));
  SLUICE_DO(store->copy_out(*artifact, to));
  if (options.common.json) {
    Struct done;
    done.set("path", os::printable(to));
    done.set("digest", artifact->digest->hex());
    done.set("size", artifact->size);
    print_json(done);
  } else {
    print_text(stdout, "{}  {}\n", os::printable(to),
               human_bytes(static_cast<std::uint64_t>(artifact->size)));
  }
  return Exit::ok;
}

}  // namespace

void add_get(CommandLine& program) {
  auto options = std::make_shared<GetOptions>();
  auto& command = program.add("get", "fetch an output of a run");
  add_session(command, options->common,
              "sluice get latest accuracy\n  sluice get latest features.features --out features");
  command.argument("RUN", options->run, "run id, a prefix of it, or `latest`");
  command.argument("OUTPUT", options->output,
                   "an output of the run, or TASK.OUTPUT, as `sluice show RUN` lists them");
  command.option("--out", options->out, "the file or folder to make; default: the name of the output here",
                 {.name = "FILE"});
  command.when_called([options] {
    return with_session(options->common, "get", [&](Session& session) { return get(session, *options); });
  });
}

}  // namespace sluice::app
