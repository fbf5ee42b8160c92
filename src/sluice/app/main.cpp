#include <CLI/CLI.hpp>

#include "sluice/app/commands/command.hpp"
#include "sluice/app/commands/usage.hpp"

int main(int argc, char** argv) {
  CLI::App program("Sluice: runs your pipelines, keeps your models in git, serves them", "sluice");
  program.set_version_flag("--version", "sluice " SLUICE_VERSION);
  program.require_subcommand(1);
  auto exit = sluice::app::Exit::ok;
  for (const auto add :
       {sluice::app::add_up, sluice::app::add_run, sluice::app::add_resume, sluice::app::add_cancel,
        sluice::app::add_compile, sluice::app::add_runs, sluice::app::add_show, sluice::app::add_logs,
        sluice::app::add_models, sluice::app::add_endpoints, sluice::app::add_deploy,
        sluice::app::add_undeploy, sluice::app::add_predict, sluice::app::add_doctor,
        sluice::app::add_completion, sluice::app::add_complete})
    add(program, exit);
  try {
    program.parse(argc, argv);
  } catch (const CLI::ParseError& wrong) {
    return static_cast<int>(sluice::app::report_usage(program, wrong));
  }
  return static_cast<int>(exit);
}
