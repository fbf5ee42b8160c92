// The limits of attempts: how much they may print, and how much memory they may use.
#include <algorithm>

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sluice/os/tree.hpp"
#include "sluice/supervisor/attempt.hpp"
#include "sluice/supervisor/log_quota.hpp"
#include "sluice/supervisor/memory_watch.hpp"

namespace sluice::supervisor {
namespace {

using namespace std::chrono_literals;

/// A memory group of version 1 has killed a process at once; the rest of its tree may live as long as this.
constexpr auto memory_group_interval = 50ms;
/// The part of its time that this thread spends on measuring memory: one of so many.
constexpr int memory_checks_share = 20;

}  // namespace

bool Attempts::is_memory_checked(const Attempt& attempt) {
  return attempt.memory_keeper == MemoryKeeper::group || attempt.memory_keeper == MemoryKeeper::watch;
}

void Attempts::limit_memory(Attempt& attempt) {
  attempt.memory_keeper = MemoryKeeper::watch;
  if (attempt.leaf && parent_ && parent_->limits_memory()) {
    if (attempt.leaf->limit_memory(attempt.memory_max)) attempt.memory_keeper = MemoryKeeper::leaf;
    return;
  }
  if (!memory_groups_) return;
  // A new one each time: what it counts does not begin again, and the pages of files that the last attempt
  // read would be counted for the next.
  auto group = memory_groups_->make_group(
      std::to_string(getpid()) + "-" + std::to_string(memory_groups_made_++), attempt.memory_max);
  if (!group) return;
  attempt.memory_group = std::move(*group);
  attempt.memory_keeper = MemoryKeeper::group;
}

bool Attempts::ran_out_of_memory(const Attempt& attempt, const Report& report) {
  if (attempt.over_memory) return true;
  if (attempt.memory_keeper == MemoryKeeper::leaf && attempt.leaf->ran_out_of_memory()) return true;
  if (attempt.memory_group && attempt.memory_group->ran_out()) return true;
  // Less than the kernel itself needs for a process.
  return (attempt.memory_keeper == MemoryKeeper::leaf || attempt.memory_keeper == MemoryKeeper::group) &&
         report.what == Report::What::step && report.step == Step::execute && report.error == ENOMEM;
}

void Attempts::check_logs(Steady now) {
  auto next = Steady::max();
  for (auto& [fence, attempt] : attempts_) {
    if (attempt->log_bytes_max == 0 || attempt->over_quota) continue;
    if (attempt->check_log_at <= now) {
      struct stat info{};
      const auto bytes =
          fstat(attempt->log.get(), &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : std::uint64_t{0};
      attempt->check_log_at = now + log_check_interval(bytes, attempt->log_bytes_max);
      if (bytes > attempt->log_bytes_max) {
        attempt->over_quota = true;
        if (!attempt->killed) signal_tree(*attempt, SIGKILL);
        attempt->killed = true;
        continue;
      }
    }
    next = std::min(next, attempt->check_log_at);
  }
  // Combined with those that are due within a millisecond: a thousand logs must not cause a thousand
  // wake-ups.
  check_logs_at_ = next == Steady::max() ? now + 1s : std::max<Steady>(next, now + 1ms);
}

void Attempts::check_memory(Steady now) {
  auto next = Steady::max();
  std::optional<std::unordered_map<pid_t, std::vector<pid_t>>> found;
  const auto processes_of = [&](const Attempt& attempt) {
    if (attempt.leaf) return attempt.leaf->processes();
    if (!found) found = families();
    auto processes = (*found)[attempt.pid];
    for (const auto& orphan : orphans_of(attempt)) {
      const auto& family = (*found)[orphan.pid];
      processes.insert(processes.end(), family.begin(), family.end());
    }
    return processes;
  };
  for (auto& [fence, attempt] : attempts_) {
    if (!is_memory_checked(*attempt) || attempt->over_memory || attempt->exit) continue;
    if (attempt->check_memory_at <= now) {
      if (attempt->memory_group) {
        attempt->over_memory = attempt->memory_group->ran_out();
        attempt->check_memory_at = now + memory_group_interval;
      } else {
        const auto bytes = memory_of_tree(processes_of(*attempt), attempt->memory_max);
        attempt->memory_seen = bytes;
        attempt->over_memory = bytes > attempt->memory_max;
        attempt->check_memory_at = now + memory_check_interval(bytes, attempt->memory_max);
      }
      if (attempt->over_memory) {
        if (!attempt->killed) signal_tree(*attempt, SIGKILL);
        attempt->killed = true;
        continue;
      }
    }
    next = std::min(next, attempt->check_memory_at);
  }
  const auto finished = clock_.steady();
  no_memory_check_before_ = finished + memory_checks_share * (finished - now);
  check_memory_at_ = next == Steady::max() ? finished + 1s : std::max(next, no_memory_check_before_);
}

std::unordered_map<pid_t, std::vector<pid_t>> Attempts::families() {
  const auto all = os::all_processes();
  std::unordered_map<pid_t, pid_t> parents;
  for (const auto& info : all) parents.emplace(info.pid, info.parent);
  std::unordered_map<pid_t, std::vector<pid_t>> out;
  const auto self = getpid();
  for (const auto& info : all) {
    auto ancestor = info.pid;
    // A pid that was reused while /proc was read could close a cycle: the number of all limits the search.
    for (std::size_t steps = 0; steps < all.size(); ++steps) {
      const auto parent = parents.find(ancestor);
      if (parent == parents.end()) break;
      if (parent->second == self) {
        out[ancestor].push_back(info.pid);
        break;
      }
      ancestor = parent->second;
    }
  }
  return out;
}

}  // namespace sluice::supervisor
