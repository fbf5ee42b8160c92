#include "sluice/supervisor/recovery.hpp"

#include <string>
#include <unordered_set>
#include <vector>

#include <signal.h>
#include <unistd.h>

#include "sluice/os/cgroup.hpp"
#include "sluice/os/tree.hpp"
#include "sluice/supervisor/launch.hpp"

namespace sluice::supervisor {
namespace {

constexpr int rounds_max = 500;
constexpr unsigned round_us = 10'000;

/// Kills what it finds; returns whether it found anything.
bool kill_round(const AttemptLog& log, std::vector<os::Cgroup>& leaves,
                const std::unordered_set<std::uint64_t>& marks) {
  bool found = false;
  for (auto& leaf : leaves) {
    if (!leaf.populated()) continue;
    leaf.kill();
    found = true;
  }
  const auto self = getpid();
  for (const auto& info : os::all_processes()) {
    if (info.pid == self || info.state == 'Z') continue;
    const auto marker = os::environment_variable(info.pid, "SLUICE_ATTEMPT");
    const auto mark = os::tree_mark_of(info.pid);
    bool ours = (marker && log.begun().contains(*marker)) || (mark && marks.contains(*mark));
    for (const auto& [fence, begun] : log.begun())
      ours = ours || (begun.pid == info.pid && info.started <= begun.ticks + 1);
    if (!ours) continue;
    kill(info.pid, SIGKILL);
    found = true;
  }
  return found;
}

}  // namespace

void end_lost_attempts(AttemptLog& log, const Clock& clock) {
  if (log.begun().empty()) return;
  if (log.same_boot()) {
    std::vector<os::Cgroup> leaves;
    std::unordered_set<std::uint64_t> marks;
    for (const auto& [fence, begun] : log.begun()) {
      marks.insert(os::tree_mark(tree_id(fence)));
      if (!begun.leaf.empty())
        if (auto leaf = os::Cgroup::open(begun.leaf)) leaves.push_back(std::move(*leaf));
    }
    for (int round = 0; round < rounds_max && kill_round(log, leaves, marks); ++round) usleep(round_us);
  }
  std::vector<Ended> lost;
  for (const auto& [fence, begun] : log.begun())
    lost.push_back({.fence = fence,
                    .kind = EndKind::lost,
                    .started_ms = begun.started_ms,
                    .ended_ms = clock.now().time_since_epoch().count()});
  for (auto& ended : lost) log.end(std::move(ended));
}

}  // namespace sluice::supervisor
