// sluice-supervisor DATA_FOLDER: see README.md.
#include <cstdio>
#include <cstdlib>
#include <string>

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "sluice/base/clock.hpp"
#include "sluice/os/files.hpp"
#include "sluice/os/socket.hpp"
#include "sluice/supervisor/supervisor.hpp"

namespace {

using namespace sluice;

constexpr const char* usage =
    "usage: sluice-supervisor [--no-cgroups] [--no-memory-cgroups] DATA_FOLDER\n"
    "\n"
    "Runs the process tasks of a sluice server, and outlives it. A server starts it automatically; it runs "
    "in "
    "the background,\n"
    "and exits when no task is running and no server has been connected for 10 s. Only one runs per data "
    "folder: another exits\n"
    "at once.\n"
    "\n"
    "  --no-cgroups         find the processes of a task by /proc, as on machines without cgroups\n"
    "  --no-memory-cgroups  watch the memory of tasks, as on machines where no cgroup can limit it\n"
    "\n"
    "example: sluice-supervisor ~/.local/share/sluice\n";

/// Code::failed_precondition: another supervisor serves the folder. One that holds the lock without listening
/// is about to exit, or has just started: this waits for it, up to 10 s.
Result<os::FileLock> take_lock(const std::filesystem::path& data) {
  constexpr int rounds_max = 2000;
  for (int round = 0;; ++round) {
    auto lock = os::FileLock::take(data / "supervisor.lock", "sluice-supervisor");
    if (lock || lock.error().code != Code::failed_precondition) return lock;
    if (os::connect_unix(data / "supervisor.sock") || round == rounds_max) return lock;
    usleep(5000);
  }
}

/// Runs in the background: locks the folder, writes "ready" or an error message to `ready`, and serves.
int serve(const std::filesystem::path& data, supervisor::Supervisor::Use use, os::UniqueFd ready) {
  setsid();
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  for (const int number : {SIGHUP, SIGINT, SIGQUIT, SIGPIPE}) signal(number, SIG_IGN);

  const auto report = [&](const std::string& text) { static_cast<void>(os::write_fd(ready.get(), text)); };
  auto lock = take_lock(data);
  if (!lock) {
    report(lock.error().code == Code::failed_precondition ? "ready" : lock.error().message);
    return 0;
  }
  const SystemClock clock;
  auto supervisor = supervisor::Supervisor::open(data, clock, use);
  if (!supervisor) {
    report(supervisor.error().message);
    return 1;
  }
  report("ready");
  ready.reset();
  const os::UniqueFd null(open("/dev/null", O_RDWR | O_CLOEXEC));
  for (const int fd : {0, 1, 2}) dup2(null.get(), fd);
  static_cast<void>(chdir("/") == 0);
  (*supervisor)->run();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::string data;
  sluice::supervisor::Supervisor::Use use;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--help" || argument == "-h") {
      std::fputs(usage, stdout);
      return 0;
    }
    if (argument == "--no-cgroups") {
      use.cgroups = false;
    } else if (argument == "--no-memory-cgroups") {
      use.memory_cgroups = false;
    } else if (data.empty() && !argument.empty() && argument[0] != '-') {
      data = argument;
    } else {
      std::fprintf(stderr, "sluice-supervisor: unexpected argument `%s`\n\n%s", argv[i], usage);
      return 2;
    }
  }
  if (data.empty()) {
    std::fputs(usage, stderr);
    return 2;
  }
  char* const absolute = realpath(data.c_str(), nullptr);
  if (absolute == nullptr) {
    std::fprintf(stderr, "sluice-supervisor: cannot open data folder %s: %m\n", data.c_str());
    return 3;
  }
  // The supervisor must keep no descriptor of the server open.
  close_range(3, ~0U, 0);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    std::fprintf(stderr, "sluice-supervisor: cannot make a pipe: %m\n");
    return 3;
  }
  sluice::os::UniqueFd read_end(ends[0]);
  sluice::os::UniqueFd write_end(ends[1]);
  const pid_t pid = fork();
  if (pid < 0) {
    std::fprintf(stderr, "sluice-supervisor: cannot fork: %m\n");
    return 3;
  }
  if (pid == 0) {
    read_end.reset();
    return serve(absolute, use, std::move(write_end));
  }
  write_end.reset();
  const auto status = sluice::os::read_all(read_end.get(), 65536);
  if (status && *status == "ready") return 0;
  std::fprintf(stderr, "sluice-supervisor: %s\n",
               status && !status->empty() ? status->c_str() : "it died before it was ready");
  return 3;
}
