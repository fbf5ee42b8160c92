
#include "sluice/app/commands/follow.hpp"
#include "sluice/app/commands/print_text.hpp"
#include "sluice/app/commands/submit.hpp"
#include "sluice/app/end_notice.hpp"
#include "sluice/app/plugins.hpp"
#include "sluice/base/words.hpp"

// The commands that start, resume and cancel runs.

namespace sluice::app {
namespace {

Result<Exit> follow_to_the_end(Session& session, const RunId& run, bool json, Interrupts& interrupts) {
  SLUICE_TRY(ended, follow(session, run, json ? Show::nothing : Show::progress, interrupts));
  return print_result(ended, json, session.hint_options);
}

/// Returns once the run has ended: a task may take a moment to end, and without a server this process must
/// wait for it.
Result<Exit> cancel(Session& session, const std::string& which, const std::string& reason, bool json,
                    Interrupts& interrupts) {
  Struct body;
  if (!reason.empty()) body.set("reason", reason);
  SLUICE_TRY(response, call(*session.backend, "POST", "/v1/runs/" + percent_encode(which) + "/cancel", body));
  SLUICE_TRY(report, follow(session, RunId{response.text_at("run")}, Show::nothing, interrupts));
  const auto status = report.text_at("status");
  if (json)
    print_json(report);
  else
    print_text(stdout, "run {} {}\n", report.text_at("run"),
               status == "cancelled" ? "is cancelled" : "ended before it was cancelled: " + status);
  return status == "cancelled" ? Exit::ok : Exit::failed;
}

/// Never changes how the command ends: that is about the run.
void tell(const EndNotice& notice, const Value& ended, const RemoteOptions& remote) {
  const auto policy = remote_policy_of(remote);
  const auto outbound = make_outbound();
  std::fflush(stdout);
  const auto told =
      policy ? notice.tell(ended, *outbound, policy->allowed, {}) : Result<void>(Fail(policy.error()));
  if (!told) print_text(stderr, "sluice: warning: --on-end: {}\n", told.error().message);
}

}  // namespace

void add_run(CommandLine& program) {
  struct Options {
    SessionOptions common;
    RunRequest request;
    std::string on_end;
  };
  auto options = std::make_shared<Options>();
  auto& command = program.add("run", "run a pipeline");
  add_session(command, options->common,
              "sluice run examples/stamps/sluice.yaml --input pictures=build/stamps --input seed=7\n"
              "  sluice run pipeline.yaml --server http://gpu-box:8080 --token-file token");
  command.argument("FILE", options->request.file,
                   "the plan, in any dialect, or a package or Python file of kfp");
  command.option("--input", options->request.inputs,
                 "an input of the pipeline; artifacts are paths, or URLs with https or s3",
                 {.name = "NAME=VALUE"});
  command.option("--input-secret", options->request.input_secrets,
                 "the secret that fetches an input from its URL", {.name = "NAME=SECRET"});
  add_remote(command, options->common.remote);
  command.option(
      "--on-end", options->on_end,
      "when the run has ended, run this command, with SLUICE_RUN, SLUICE_STATUS and SLUICE_FAILURE in its "
      "environment, or post JSON to this URL",
      {.name = "COMMAND|URL"});
  add_ways_to_run(command, options->request);
  command.when_called([options] {
    const bool json = options->common.json;
    std::optional<EndNotice> on_end;
    if (!options->on_end.empty()) {
      auto notice = EndNotice::parse(options->on_end);
      if (!notice) return report(notice.error());
      on_end = std::move(*notice);
    }
    Interrupts interrupts;
    return with_session(options->common, "run", [&](Session& session) -> Result<Exit> {
      const auto notice = [](const std::string& line) { print_text(stderr, "{}\n", line); };
      SLUICE_TRY(run, submit(session, options->request, notice));
      if (!json) print_text(stderr, "run {}\n", run.text);
      SLUICE_TRY(ended, follow(session, run, json ? Show::nothing : Show::progress, interrupts));
      const auto status = print_result(ended, json, session.hint_options);
      if (on_end) tell(*on_end, ended, options->common.remote);
      return status;
    });
  });
}

void add_resume(CommandLine& program) {
  struct Options {
    SessionOptions common;
    std::string run;
    bool retry = false;
  };
  auto options = std::make_shared<Options>();
  auto& command = program.add("resume", "resume an interrupted run, or follow one that is running");
  add_session(command, options->common, "sluice resume latest");
  command.argument("RUN", options->run, "run id, a prefix of it, or `latest`");
  command.flag("--retry", options->retry,
               "also resume a run that was set aside because it ended two servers");
  command.when_called([options] {
    Interrupts interrupts;
    return with_session(options->common, "resume", [&](Session& session) -> Result<Exit> {
      Struct body;
      if (options->retry) body.set("retry", true);
      SLUICE_TRY(response, call(*session.backend, "POST",
                                "/v1/runs/" + percent_encode(options->run) + "/resume", body));
      return follow_to_the_end(session, RunId{response.text_at("run")}, options->common.json, interrupts);
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
  auto& command = program.add("cancel", "cancel a run");
  add_session(command, options->common, "sluice cancel latest --reason 'wrong pictures'");
  command.argument("RUN", options->run, "run id, a prefix of it, or `latest`");
  command.option("--reason", options->reason, "reason, recorded with the run", {.name = "TEXT"});
  command.when_called([options] {
    Interrupts interrupts;
    return with_session(options->common, "cancel", [&](Session& session) {
      return cancel(session, options->run, options->reason, options->common.json, interrupts);
    });
  });
}

}  // namespace sluice::app
