#include <csignal>
#include <cstdio>

#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sluice/base/clock.hpp"
#include "sluice/host/server.hpp"

namespace {

constexpr int connection = 3;

bool is_socket(int fd) {
  struct stat about{};
  return ::fstat(fd, &about) == 0 && S_ISSOCK(about.st_mode);
}

}  // namespace

int main() {
  if (!is_socket(connection)) {
    std::fputs(
        "sluice-host: runs models for a sluice server, which starts it with a socket as file descriptor 3; "
        "it is not meant to be started by hand\n",
        stderr);
    return 2;
  }
  // There are two ways to notice that the server is gone. This one works even while this process is stopped
  // or stuck, but watches only the thread that started it; the other is the end of the connection.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const sluice::SystemClock clock;
  sluice::host::protocol::Channel channel{sluice::os::UniqueFd(connection)};
  sluice::host::Server server(channel, clock);
  server.serve();
  // No client is left, and the results of running threads are of no use: exit without an orderly shutdown.
  ::_exit(0);
}
