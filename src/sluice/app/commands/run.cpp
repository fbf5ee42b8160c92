#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "sluice/app/commands/submit.hpp"

namespace sluice::app {
namespace {

Exit follow_to_the_end(Session& session, const RunId& run, bool json) {
  const auto ended = follow(session, run, json);
  return ended ? conclude(*ended, json) : report(ended.error());
}

}  // namespace

void add_run(CLI::App& program, Exit& exit) {
  struct Options {
    CommonOptions common;
    RunRequest request;
    bool no_cache = false;
  };
  auto options = std::make_shared<Options>();
  auto* command = program.add_subcommand("run", "run a pipeline");
  add_common(*command, options->common,
             "sluice run examples/stamps/sluice.yaml --input pictures=build/stamps --input seed=7");
  command->add_option("FILE", options->request.file, "the plan")->required();
  command->add_option("--input", options->request.inputs, "an input of the pipeline; artifacts are paths")
      ->type_name("NAME=VALUE");
  command->add_option("--pipeline", options->request.pipeline, "which pipeline of the plan; default main");
  command->add_flag("--no-cache", options->no_cache, "run every task, also those that were done before");
  command->callback([options, &exit] {
    options->request.cache = !options->no_cache;
    auto session = open_session(options->common, "run");
    if (!session) {
      exit = report(session.error());
      return;
    }
    const auto run = submit(*session, options->request);
    if (!run) {
      exit = report(run.error());
      return;
    }
    if (!options->common.json) fmt::print(stderr, "run {}\n", run->text);
    exit = follow_to_the_end(*session, *run, options->common.json);
  });
}

void add_resume(CLI::App& program, Exit& exit) {
  struct Options {
    CommonOptions common;
    std::string run;
  };
  auto options = std::make_shared<Options>();
  auto* command = program.add_subcommand("resume", "go on with a run whose process died");
  add_common(*command, options->common, "sluice resume latest");
  command->add_option("RUN", options->run, "its id, the beginning of it, or `latest`")->required();
  command->callback([options, &exit] {
    auto session = open_session(options->common, "resume");
    if (!session) {
      exit = report(session.error());
      return;
    }
    const auto answer = call(*session->backend, "POST", "/v1/runs/" + options->run + "/resume");
    if (!answer) {
      exit = report(answer.error());
      return;
    }
    exit = follow_to_the_end(*session, RunId{answer->text_at("run")}, options->common.json);
  });
}

}  // namespace sluice::app
