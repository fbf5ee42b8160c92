#pragma once
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "sluice/base/result.hpp"
#include "sluice/ipc/supervisor/messages.hpp"
#include "sluice/os/cgroup.hpp"

namespace sluice::supervisor {

/// The id for os::mark_tree: a hash of the fence, so two fences practically never share one.
std::uint64_t tree_id(std::string_view fence);

/// A child's report of a failure before its program runs: written by the child, read by the supervisor when
/// the child has ended.
struct Report {
  enum class What : std::uint32_t { nothing, mounts, step } what = What::nothing;
  Step step = Step::none;
  std::int32_t error = 0;
};

/// Memory that is shared with the children until they call exec: one Report for each attempt, without a pipe
/// for each.
class Reports {
 public:
  Reports();
  ~Reports();
  Reports(const Reports&) = delete;
  Reports& operator=(const Reports&) = delete;

  /// A cleared report for exclusive use. There is one for each of `running_max` attempts.
  [[nodiscard]] Report* acquire();
  void release(Report* report);

 private:
  Report* all_ = nullptr;
  std::vector<Report*> free_;
};

/// Forks and executes. The child leads a session of its own, dies with the supervisor, has nothing but
/// /dev/null and the log open, has the mark of its fence if no leaf holds it, umask 022 and the limit of
/// descriptors that the supervisor was started with. `leaf` and `memory` may be null. `inherited` is its
/// descriptor 3, unless negative. An error means that
/// there is no child; its `code` is Code::permission_denied if a mount namespace was required and refused.
class Launcher {
 public:
  Launcher();
  Result<pid_t> launch(const Start& start, int log, const os::Cgroup* leaf, const os::MemoryGroup* memory,
                       Report* report, int inherited = -1);
  /// Why the last launch failed: an errno.
  [[nodiscard]] int error() const { return error_; }

 private:
  struct Free {
    void operator()(std::byte* memory) const { std::free(memory); }
  };

  os::UniqueFd null_;
  std::unique_ptr<std::byte, Free> stack_;  ///< of the child, while it shares this process's memory
  std::uint64_t files_max_ = 0;  ///< the RLIMIT_NOFILE that the supervisor was started with, for the children
  bool clone3_ = true;  ///< false once the kernel, or a system-call filter, has refused it as unknown
  int error_ = 0;
};

}  // namespace sluice::supervisor
