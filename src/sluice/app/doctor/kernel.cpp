#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sluice/app/doctor/checks.hpp"
#include "sluice/net/peer.hpp"
#include "sluice/os/cgroup.hpp"
#include "sluice/os/landlock.hpp"
#include "sluice/os/mounts.hpp"
#include "sluice/os/seccomp.hpp"

namespace sluice::app {
namespace {

constexpr auto copies =
    "large inputs and folders are copied for tasks instead of mounted read-only: the same results, but "
    "more time and disk space";

/// Runs `work` in a child process, as for tasks; returns its result, an errno.
template <typename Work>
int in_a_child(Work work) {
  const auto child = ::fork();
  if (child < 0) return errno;
  if (child == 0) ::_exit(work() & 0xff);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
}

std::string words(int number) {
  return std::strerror(number);
}  // NOLINT(concurrency-mt-unsafe): no other thread

}  // namespace

Finding check_namespaces() {
  const auto refused = in_a_child([] { return ::unshare(CLONE_NEWNS) == 0 ? 0 : errno; });
  if (refused != 0)
    return limited("namespaces", "tasks do not get their own mounts: " + words(refused), copies);
  return works("namespaces", "tasks get their own mounts");
}

Finding check_mounts() {
  const auto folder = os::TemporaryDirectory::make_in_tmp("sluice-doctor-");
  if (!folder) return limited("mounts", folder.error().message, copies);
  const auto source = folder->path() / "source";
  const auto target = folder->path() / "target";
  for (const auto& file : {source, target})
    if (const auto made = os::write_file(file, ""); !made)
      return limited("mounts", made.error().message, copies);
  constexpr int writable = 0xfe;  // not an errno
  const auto refused = in_a_child([&] {
    if (::unshare(CLONE_NEWNS) != 0) return errno;
    if (const auto failed = os::make_mounts_private(); failed != 0) return failed;
    if (const auto failed = os::bind_read_only(source.c_str(), target.c_str()); failed != 0) return failed;
    return ::open(target.c_str(), O_WRONLY | O_CLOEXEC) < 0 ? 0 : writable;
  });
  if (refused == writable) return limited("mounts", "a read-only mount can be written through", copies);
  if (refused != 0) return limited("mounts", "inputs cannot be mounted: " + words(refused), copies);
  return works("mounts", "inputs of tasks are mounted read-only");
}

Finding check_cgroups() {
  const auto parent = os::CgroupParent::make(fmt::format("sluice-doctor-{}", ::getpid()));
  if (!parent)
    return limited("cgroups", "no writable cgroup2 tree that can kill a group of processes",
                   "a task's processes are found by their ancestry, an inherited mark and their environment; "
                   "a process that evades all of these may survive a cancel");
  if (!parent->counts_memory())
    return limited("cgroups", "each task gets one; its memory is not measured",
                   "the memory of a task is reported as that of its largest process");
  return works("cgroups", "each task gets one, which measures its memory");
}

Finding check_memory_limits() {
  const auto name = fmt::format("sluice-doctor-{}", ::getpid());
  const auto parent = os::CgroupParent::make(name);
  if (parent && parent->limits_memory()) return works("memory limits", "kept by cgroup version 2");
  if (os::MemoryGroups::make(name)) return works("memory limits", "kept by cgroup version 1");
  return limited(
      "memory limits", "kept by watching: no cgroup can limit memory",
      "a task that fills its memory quickly may use more than its `resources.memory` for a moment, "
      "before it is killed");
}

Finding check_hosts() {
  constexpr auto anything =
      "a picture or a model that takes over a host may do what the server's user may; run the server as a "
      "user of its "
      "own";
  constexpr int no_filters = 0xfe;  // not an errno
  const auto refused = in_a_child([] {
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno;
    if (auto rules = os::Landlock::make(); rules && !rules->restrict_thread()) return EPERM;
    const auto filtered = os::SyscallFilter().install(os::SyscallFilter::Verdict::allow());
    return filtered ? 0 : no_filters;
  });
  if (refused == no_filters)
    return limited("hosts", "model hosts are not confined: the kernel has no filters of system calls",
                   anything);
  if (refused != 0)
    return limited("hosts", "model hosts cannot start: " + words(refused), "models cannot run");
  const auto version = os::Landlock::version();
  if (version == 0)
    return limited(
        "hosts", "model hosts are confined by filters of system calls; the kernel has no Landlock",
        "a base model that takes over its host while it is loaded may read and write what the server's user "
        "may; pictures and heads may not, for after that no file is opened");
  return works("hosts",
               fmt::format("model hosts are confined: system calls, files (Landlock version {}), no new "
                           "privileges",
                           version));
}

Finding check_owner() {
  if (const auto tells = net::check_user_of_peer(); !tells)
    return limited(
        "owner", tells.error().message,
        "every user of this machine counts as the owner of a server for which there is no token; make one: "
        "`sluice token add`");
  if (::geteuid() == 0)
    return limited(
        "owner", "processes of root count as the owner of a server that root runs",
        "so do those of a container that root runs with the host's network; run the server as a user of its "
        "own");
  return works("owner", "only your own processes use a server without a token");
}

}  // namespace sluice::app
