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
/// Our own children, cheaply.
std::vector<pid_t> own_children();
/// The value of a variable in the environment that the process was started with.
std::optional<std::string> environment_variable(pid_t pid, const std::string& name);

/// Now, in the unit of ProcessInfo::started.
std::uint64_t ticks_since_boot();
/// Differs after each boot.
std::string boot_id();

}  // namespace sluice::os
