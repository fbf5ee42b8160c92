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
        "it has no use by hand\n",
        stderr);
    return 2;
  }
  // Two ways to notice that the server is gone: this one works even while we are stopped or stuck, but
  // watches only the thread that started us; the end of the connection is the other.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const sluice::SystemClock clock;
  sluice::host::protocol::Channel channel{sluice::os::UniqueFd(connection)};
  sluice::host::Server server(channel, clock);
  server.serve();
  // Nobody is left to answer, and what the threads still do is of no use: no orderly end.
  ::_exit(0);
}
