#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

/// What /proc tells about processes: to find the descendants of one where no cgroup holds them.
namespace sluice::os {

struct ProcessInfo {
  pid_t pid = 0;
  pid_t parent = 0;
  pid_t group = 0;
  pid_t session = 0;
  char state = '?';
  std::uint64_t started = 0;  ///< clock ticks since boot
};

/// Nothing where the process is gone.
std::optional<ProcessInfo> process_info(pid_t pid);
/// Every process that we can see.
std::vector<ProcessInfo> all_processes();
/// Those of `all` that descend from `root`, itself not included.
std::vector<pid_t> descendants(const std::vector<ProcessInfo>& all, pid_t root);
/// The children that this thread made or, as a subreaper, inherited, cheaply. Where the kernel has no list of
/// them: those of the whole process.
std::vector<pid_t> own_children();
/// The value of a variable in the environment that the process was started with.
std::optional<std::string> environment_variable(pid_t pid, const std::string& name);

/// Marks this process and all that will ever descend from it, whatever they do with their sessions, parents
/// and environment; a program can take the mark off, but none does unawares. System calls only, for use after
/// a fork. `id` is any number. It does nothing where the machine does not let it.
void mark_tree(std::uint64_t id);
/// What mark_tree would give to a process for `id`.
std::uint64_t tree_mark(std::uint64_t id);
/// Nothing where the process has no mark, is gone, or is not ours to ask.
std::optional<std::uint64_t> tree_mark_of(pid_t pid);

/// Now, in the unit of ProcessInfo::started.
std::uint64_t ticks_since_boot();
/// Differs after each boot.
std::string boot_id();

}  // namespace sluice::os
