#include "sluice/os/process.hpp"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern "C" {
// glibc 2.36 declares these two without saying that they are C.
int pidfd_open(pid_t pid, unsigned int flags) noexcept;
int pidfd_send_signal(int pidfd, int number, siginfo_t* info, unsigned int flags) noexcept;
}

extern char** environ;

namespace sluice::os {
namespace {

/// Owns the two objects of posix_spawn.
struct SpawnPlan {
  posix_spawn_file_actions_t actions{};
  posix_spawnattr_t attributes{};
  SpawnPlan() {
    SLUICE_CHECK(posix_spawn_file_actions_init(&actions) == 0);
    SLUICE_CHECK(posix_spawnattr_init(&attributes) == 0);
  }
  ~SpawnPlan() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
};

Result<UniqueFd> open_pidfd(pid_t pid) {
  const int fd = pidfd_open(pid, 0);
  if (fd < 0) return Fail(system_error("watch process " + std::to_string(pid), errno));
  return UniqueFd(fd);
}

}  // namespace

Exit exit_of(int wait_status, const ::rusage& usage) {
  const auto milliseconds = [](const timeval& time) {
    return std::chrono::milliseconds(time.tv_sec * 1000 + time.tv_usec / 1000);
  };
  Exit exit;
  if (WIFSIGNALED(wait_status))
    exit.signal = WTERMSIG(wait_status);
  else
    exit.status = WEXITSTATUS(wait_status);
  exit.cpu = milliseconds(usage.ru_utime) + milliseconds(usage.ru_stime);
  exit.memory_peak = static_cast<std::int64_t>(usage.ru_maxrss) * 1024;
  return exit;
}

std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (const auto& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

Result<Process> spawn(const SpawnOptions& options) {
  SpawnPlan plan;
  // Every descriptor is first moved above all targets, so that no target overwrites a source that is still
  // needed.
  std::vector<UniqueFd> moved;
  int target_max = 2;
  for (const auto& [ours, theirs] : options.fds) target_max = std::max(target_max, theirs);
  for (const auto& [ours, theirs] : options.fds) {
    UniqueFd copy(fcntl(ours, F_DUPFD_CLOEXEC, target_max + 1));
    if (!copy) return Fail(system_error("pass descriptor " + std::to_string(ours), errno));
    posix_spawn_file_actions_adddup2(&plan.actions, copy.get(), theirs);
    moved.push_back(std::move(copy));
  }
  if (std::ranges::none_of(options.fds, [](const auto& fd) { return fd.second == 0; }))
    posix_spawn_file_actions_addopen(&plan.actions, 0, "/dev/null", O_RDONLY, 0);
  if (!options.cwd.empty()) posix_spawn_file_actions_addchdir_np(&plan.actions, options.cwd.c_str());
  // Targets may have gaps between them: descriptors there are close-on-exec, as all of this process are.
  posix_spawn_file_actions_addclosefrom_np(&plan.actions, target_max + 1);

  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&plan.attributes, &none);
  posix_spawnattr_setsigdefault(&plan.attributes, &all);
  int flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
  if (options.new_session) flags |= POSIX_SPAWN_SETSID;
  if (options.new_group) flags |= POSIX_SPAWN_SETPGROUP;
  posix_spawnattr_setflags(&plan.attributes, static_cast<short>(flags));

  auto argv = pointers_to(options.argv);
  auto env = options.env ? pointers_to(*options.env) : std::vector<char*>();
  pid_t pid = 0;
  const int number = posix_spawn(&pid, options.program.c_str(), &plan.actions, &plan.attributes, argv.data(),
                                 options.env ? env.data() : environ);
  if (number != 0) return Fail(system_error("start " + options.program.string(), number));
  auto pidfd = open_pidfd(pid);
  if (!pidfd) {
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
    return Fail(std::move(pidfd).error());
  }
  return Process(pid, std::move(*pidfd));
}

Result<Exit> Process::wait() {
  if (exit_) return *exit_;
  int status = 0;
  struct rusage usage{};
  for (;;) {
    if (wait4(pid_, &status, 0, &usage) == pid_) return *(exit_ = exit_of(status, usage));
    if (errno != EINTR) return Fail(system_error("wait for process " + std::to_string(pid_), errno));
  }
}

Result<std::optional<Exit>> Process::wait_for(std::chrono::milliseconds timeout) {
  if (exit_) return exit_;
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd entry{.fd = pidfd_.get(), .events = POLLIN, .revents = 0};
    const int n = poll(&entry, 1, static_cast<int>(std::max<std::int64_t>(0, left.count())));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Fail(system_error("wait for process " + std::to_string(pid_), errno));
    if (n == 0) return std::optional<Exit>();
    SLUICE_TRY(exit, wait());
    return std::optional(exit);
  }
}

void Process::signal(int number) {
  if (!exit_) pidfd_send_signal(pidfd_.get(), number, nullptr, 0);
}

std::optional<std::filesystem::path> find_program(const std::string& name, const std::string& path) {
  if (name.empty() || name.find('/') != std::string::npos) return std::nullopt;
  for (std::size_t start = 0; start <= path.size();) {
    const auto colon = std::min(path.find(':', start), path.size());
    auto candidate = std::filesystem::path(path.substr(start, colon - start)) / name;
    struct stat info{};
    if (stat(candidate.c_str(), &info) == 0 && S_ISREG(info.st_mode) && access(candidate.c_str(), X_OK) == 0)
      return candidate;
    start = colon + 1;
  }
  return std::nullopt;
}

}  // namespace sluice::os
