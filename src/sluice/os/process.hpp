#pragma once
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/resource.h>
#include <sys/types.h>

#include "sluice/os/files.hpp"

struct rusage;  // <sys/resource.h>

/// Child processes by posix_spawn, so that a large process never forks.
namespace sluice::os {

struct SpawnOptions {
  std::filesystem::path program;                ///< a path; PATH is not searched
  std::vector<std::string> argv;                ///< argv[0] included
  std::optional<std::vector<std::string>> env;  ///< "NAME=value"; absent: inherited
  std::filesystem::path cwd;                    ///< empty: inherited
  /// Descriptors of this process → those of the child. Unless named here, 0 is /dev/null, and 1 and 2 are
  /// inherited; nothing else is.
  std::vector<std::pair<int, int>> fds;
  bool new_session = false;  ///< a session and a process group of its own
  bool new_group = false;    ///< a process group of its own
};

/// How a process ended.
struct Exit {
  int status = 0;  ///< meaningful if `signal` is 0
  int signal = 0;
  std::chrono::milliseconds cpu{0};  ///< includes the children that it waited for
  std::int64_t memory_peak = 0;      ///< bytes, of the largest process
  [[nodiscard]] bool succeeded() const { return signal == 0 && status == 0; }
};

/// A child process. Not thread-safe. Destroying this object neither ends nor reaps the child: wait for it.
class Process {
 public:
  Process(Process&&) noexcept = default;
  Process& operator=(Process&&) noexcept = default;

  [[nodiscard]] pid_t pid() const { return pid_; }
  /// Becomes readable when the process ends: for poll.
  [[nodiscard]] int pidfd() const { return pidfd_.get(); }
  /// Waits and reaps. A second call returns the same.
  Result<Exit> wait();
  /// Returns nothing if it has not ended within `timeout`.
  Result<std::optional<Exit>> wait_for(std::chrono::milliseconds timeout);
  /// Sends a signal to this process alone; does nothing if it has ended.
  void signal(int number);

 private:
  friend Result<Process> spawn(const SpawnOptions& options);
  Process(pid_t pid, UniqueFd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}
  pid_t pid_ = 0;
  UniqueFd pidfd_;
  std::optional<Exit> exit_;
};

Result<Process> spawn(const SpawnOptions& options);

/// Converts the result of wait4.
Exit exit_of(int wait_status, const ::rusage& usage);

/// A null-terminated array for execve; points into `texts`, which must outlive it.
std::vector<char*> pointers_to(const std::vector<std::string>& texts);

/// Searches `path` ("/usr/bin:/bin") for `name`: returns the first executable regular file, or nothing if
/// there is none. Names with a slash are not looked up.
std::optional<std::filesystem::path> find_program(const std::string& name, const std::string& path);

}  // namespace sluice::os
