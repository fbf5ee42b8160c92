#pragma once
// Private to this module: one attempt, as Attempts keeps it.
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include <sys/types.h>

#include "sluice/os/cgroup.hpp"
#include "sluice/os/process.hpp"
#include "sluice/supervisor/attempts.hpp"

namespace sluice::supervisor {

/// What keeps the limit on an attempt's memory.
enum class MemoryKeeper : std::uint8_t { none, leaf, group, watch };

struct Attempts::Attempt {
  std::string fence;
  std::uint64_t mark = 0;  ///< of its tree, see os::tree_mark_of
  pid_t pid = 0;
  std::uint64_t ticks = 0;  ///< since boot, before it was forked: no process of it is older
  std::optional<os::Cgroup> leaf;
  os::UniqueFd log;
  std::uint64_t log_bytes_max = 0;
  Steady check_log_at{0};  ///< when to check its log, if that is limited
  std::uint64_t memory_max = 0;
  MemoryKeeper memory_keeper = MemoryKeeper::none;
  std::optional<os::MemoryGroup> memory_group;
  Steady check_memory_at{0};      ///< if it is not a leaf that keeps its limit
  std::uint64_t memory_seen = 0;  ///< as measured last, if it is watched
  Report* report = nullptr;
  Warm warm = Warm::not_asked;
  std::int64_t started_ms = 0;
  std::int64_t ended_ms = 0;
  bool cancelled = false;
  bool killed = false;
  bool over_quota = false;
  bool over_memory = false;
  std::optional<Steady> kill_at;
  std::optional<os::Exit> exit;  ///< of the main process
  Steady drain_until{0};
};

}  // namespace sluice::supervisor
