#include <fmt/format.h>

#include "sluice/app/commands/command.hpp"
#include "sluice/app/doctor/checks.hpp"

namespace sluice::app {

void add_doctor(CommandLine& program) {
  auto options = std::make_shared<CommonOptions>();
  auto& command = program.add("doctor", "check what works on this machine");
  add_common(command, *options, "sluice doctor --data /var/lib/sluice");
  command.when_called([options] {
    const auto data = find_data_folder(options->data);
    if (!data) return report(data.error());
    const std::vector<Finding> findings{check_processor(),
                                        check_memory(),
                                        check_open_files(),
                                        check_namespaces(),
                                        check_mounts(),
                                        check_cgroups(),
                                        check_memory_limits(),
                                        check_hosts(),
                                        check_owner(),
                                        check_libgit2(),
                                        check_libarchive(),
                                        check_libheif(),
                                        check_git(),
                                        check_git_lfs(),
                                        check_python(),
                                        check_uv(find_installation()),
                                        check_container_engine(),
                                        check_port(*data),
                                        check_disk(*data),
                                        check_data_folder(*data),
                                        check_installation(find_installation())};
    if (options->json)
      print_json(to_json(findings));
    else
      fmt::print("{}", print(findings));
    return can_run(findings) ? Exit::ok : Exit::machine;
  });
}

}  // namespace sluice::app
