#include "sluice/host/program.hpp"

#include <csignal>
#include <cstdio>
#include <span>
#include <string_view>

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sluice/base/clock.hpp"
#include "sluice/base/log.hpp"
#include "sluice/host/server.hpp"

namespace sluice::host {
namespace {

constexpr int connection = 3;
constexpr int used_wrongly = 2;
constexpr int not_confined = 3;

bool is_socket(int fd) {
  struct stat about{};
  return ::fstat(fd, &about) == 0 && S_ISSOCK(about.st_mode);
}

HostFolders folders_from(std::span<char*> arguments) {
  HostFolders out;
  for (std::size_t i = 0; i + 1 < arguments.size(); i += 2) {
    const std::string_view name = arguments[i];
    if (name == "--base") out.base = arguments[i + 1];
    if (name == "--compiled") out.compiled = arguments[i + 1];
    if (name == "--scratch") out.scratch = arguments[i + 1];
  }
  return out;
}

}  // namespace

int run_host(int argc, char** argv, Confinement::UnknownCalls unknown) {
  if (!is_socket(connection)) {
    std::fputs(
        "sluice-host: runs models for a sluice server, which starts it with a socket as file descriptor 3; "
        "it is not meant to be started by hand\n",
        stderr);
    return used_wrongly;
  }
  log::set_bare();  // the server adds each line to its own log
  // There are two ways to notice that the server is gone. This one works even while this process is stopped
  // or stuck, but watches only the thread that started it; the other is the end of the connection.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const auto folders =
      folders_from(std::span(argv, static_cast<std::size_t>(argc)).subspan(argc > 0 ? 1 : 0));
  const auto confinement = Confinement::begin(folders, unknown);
  if (!confinement) {
    log::error(fmt::format("cannot confine itself, and ends: {}", confinement.error().message));
    return not_confined;
  }
  const SystemClock clock;
  protocol::Channel channel{os::UniqueFd(connection)};
  Server server(channel, clock, folders, *confinement);
  server.serve();
  // No client is left, and the results of running threads are of no use: exit without an orderly shutdown.
  ::_exit(0);
}

}  // namespace sluice::host
