
#include "sluice/app/commands/follow.hpp"
#include "sluice/app/commands/say.hpp"
#include "sluice/app/commands/submit.hpp"
#include "sluice/base/words.hpp"

// The commands that move a run: run, resume, cancel.

namespace sluice::app {
namespace {

Result<Exit> follow_to_the_end(Session& session, const RunId& run, bool json, Interrupts& interrupts) {
  SLUICE_TRY(ended, follow(session, run, json ? Show::nothing : Show::progress, interrupts));
  return conclude(ended, json, session.again);
}

/// Answers once the run has ended: a task may take a moment to end, and without a server nobody else would
/// see to it.
Result<Exit> cancel(Session& session, const std::string& which, const std::string& reason, bool json,
                    Interrupts& interrupts) {
  Struct body;
  if (!reason.empty()) body.set("reason", reason);
  SLUICE_TRY(answer, call(*session.backend, "POST", "/v1/runs/" + percent_encode(which) + "/cancel", body));
  SLUICE_TRY(report, follow(session, RunId{answer.text_at("run")}, Show::nothing, interrupts));
  const auto status = report.text_at("status");
  if (json)
    print_json(report);
  else
    say(stdout, "run {} {}\n", report.text_at("run"),
        status == "cancelled" ? "is cancelled" : "ended before that: " + status);
  return status == "cancelled" ? Exit::ok : Exit::failed;
}

}  // namespace

void add_run(CommandLine& program) {
  struct Options {
    SessionOptions common;
    RunRequest request;
    bool no_cache = false;
  };
  auto options = std::make_shared<Options>();
  auto& command = program.add("run", "run a pipeline");
  add_session(command, options->common,
              "sluice run examples/stamps/sluice.yaml --input pictures=build/stamps --input seed=7\n"
              "  sluice run pipeline.yaml --server http://gpu-box:8080 --token-file token");
  command.argument("FILE", options->request.file, "the plan");
  command.option("--input", options->request.inputs, "an input of the pipeline; artifacts are paths",
                 {.name = "NAME=VALUE"});
  command.option("--pipeline", options->request.pipeline,
                 "which pipeline of the plan; default: the only one, or main");
  command.flag("--no-cache", options->no_cache, "run every task, also those that were done before");
  command.when_called([options] {
    options->request.cache = !options->no_cache;
    const bool json = options->common.json;
    Interrupts interrupts;
    return with_session(options->common, "run", [&](Session& session) -> Result<Exit> {
      SLUICE_TRY(run, submit(session, options->request));
      if (!json) say(stderr, "run {}\n", run.text);
      return follow_to_the_end(session, run, json, interrupts);
    });
  });
}

void add_resume(CommandLine& program) {
  struct Options {
    SessionOptions common;
    std::string run;
  };
  auto options = std::make_shared<Options>();
  auto& command =
      program.add("resume", "go on with a run whose process died; follow one that goes on in a server");
  add_session(command, options->common, "sluice resume latest");
  command.argument("RUN", options->run, "its id, the beginning of it, or `latest`");
  command.when_called([options] {
    Interrupts interrupts;
    return with_session(options->common, "resume", [&](Session& session) -> Result<Exit> {
      SLUICE_TRY(answer,
                 call(*session.backend, "POST", "/v1/runs/" + percent_encode(options->run) + "/resume"));
      return follow_to_the_end(session, RunId{answer.text_at("run")}, options->common.json, interrupts);
    });
  });
}

void add_cancel(CommandLine& program) {
  struct Options {
    SessionOptions common;
    std::string run;
    std::string reason;
  };
  auto options = std::make_shared<Options>();
  auto& command = program.add("cancel", "end a run that goes on, or whose process died");
  add_session(command, options->common, "sluice cancel latest --reason 'wrong pictures'");
  command.argument("RUN", options->run, "its id, the beginning of it, or `latest`");
  command.option("--reason", options->reason, "why, for those who ask what became of it", {.name = "TEXT"});
  command.when_called([options] {
    Interrupts interrupts;
    return with_session(options->common, "cancel", [&](Session& session) {
      return cancel(session, options->run, options->reason, options->common.json, interrupts);
    });
  });
}

}  // namespace sluice::app
