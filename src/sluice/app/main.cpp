#include <sys/stat.h>

#include "sluice/app/commands/command.hpp"
#include "sluice/app/version.hpp"

int main(int argc, char** argv) {
  ::umask(077);  // what it writes is its user's alone; tasks get the usual one (supervisor/launch.cpp)
  sluice::app::CommandLine program("Sluice: runs your pipelines, keeps your models in git, serves them",
                                   sluice::app::version_text);
  for (const auto add : {sluice::app::add_up,         sluice::app::add_run,     sluice::app::add_resume,
                         sluice::app::add_cancel,     sluice::app::add_compile, sluice::app::add_runs,
                         sluice::app::add_show,       sluice::app::add_logs,    sluice::app::add_get,
                         sluice::app::add_metrics,    sluice::app::add_models,  sluice::app::add_versions,
                         sluice::app::add_endpoints,  sluice::app::add_deploy,  sluice::app::add_undeploy,
                         sluice::app::add_predict,    sluice::app::add_data,    sluice::app::add_schedule,
                         sluice::app::add_schedules,  sluice::app::add_token,   sluice::app::add_audit,
                         sluice::app::add_secrets,    sluice::app::add_gc,      sluice::app::add_df,
                         sluice::app::add_fsck,       sluice::app::add_backup,  sluice::app::add_restore,
                         sluice::app::add_import,     sluice::app::add_export,  sluice::app::add_doctor,
                         sluice::app::add_completion, sluice::app::add_complete})
    add(program);
  return static_cast<int>(program.run(argc, argv));
}
