#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

/// Information of /proc about processes: to find the descendants of one where no cgroup holds them.
namespace sluice::os {

struct ProcessInfo {
  pid_t pid = 0;
  pid_t parent = 0;
  pid_t group = 0;
  pid_t session = 0;
  char state = '?';
  std::uint64_t started = 0;  ///< clock ticks since boot
};

/// Nothing if the process is gone.
std::optional<ProcessInfo> process_info(pid_t pid);
/// Every process that is visible to this one.
std::vector<ProcessInfo> all_processes();
/// Those of `all` that descend from `root`, itself not included.
std::vector<pid_t> descendants(const std::vector<ProcessInfo>& all, pid_t root);
/// The children that this thread created or, as a subreaper, inherited; cheap. If the kernel has no list of
/// them: those of the whole process.
std::vector<pid_t> own_children();
/// The value of a variable in the environment that the process was started with.
std::optional<std::string> environment_variable(pid_t pid, const std::string& name);

/// Marks this process and all its future descendants, whatever they do with their sessions, parents and
/// environment; a program can remove the mark, but not by accident. System calls only, for use after a fork.
/// `id` is any number. It does nothing if the machine does not permit it.
void mark_tree(std::uint64_t id);
/// The mark that mark_tree sets for `id`.
std::uint64_t tree_mark(std::uint64_t id);
/// Nothing if the process has no mark, is gone, or may not be inspected by this one.
std::optional<std::uint64_t> tree_mark_of(pid_t pid);

/// How memory is counted that several processes share, such as that of a parent and its forked children.
enum class Shared {
  whole,  ///< all of it for each of them: cheap
  part,   ///< divided by their number: takes 20 ms for each GiB, and may not be permitted
};
/// The bytes of a process that the kernel cannot get back by dropping pages of files: its data, shared memory
/// that it has mapped, and what of it is swapped out. Nothing if the process is gone, or may not be
/// inspected.
std::optional<std::uint64_t> memory_of(pid_t pid, Shared shared);

/// Now, in the unit of ProcessInfo::started.
std::uint64_t ticks_since_boot();
/// Differs after each boot.
std::string boot_id();

}  // namespace sluice::os
