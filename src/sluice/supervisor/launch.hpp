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

/// For os::mark_tree: the same for the same fence, and as good as never for two.
std::uint64_t tree_id(std::string_view fence);

/// What a child says of itself if it fails before the program runs: written by the child, read by us when it
/// has ended.
struct Report {
  enum class What : std::uint32_t { nothing, mounts, step } what = What::nothing;
  Step step = Step::none;
  std::int32_t error = 0;
};

/// Memory that is shared with the children until they execute: one Report for each attempt, without a pipe
/// for each.
class Reports {
 public:
  Reports();
  ~Reports();
  Reports(const Reports&) = delete;
  Reports& operator=(const Reports&) = delete;

  /// A cleared report that nobody else uses. There is one for each of `running_max` attempts.
  [[nodiscard]] Report* take();
  void give_back(Report* report);

 private:
  Report* all_ = nullptr;
  std::vector<Report*> free_;
};

/// Forks and executes. The child leads a session of its own, dies with the supervisor, has nothing but
/// /dev/null and the log open, bears the mark of its fence where no leaf holds it, umask 022 and the limit of
/// descriptors that the supervisor was started with. `leaf` may be null. An error means that there is no
/// child; its `code` is Code::permission_denied where a mount namespace was asked for and refused.
class Launcher {
 public:
  Launcher();
  Result<pid_t> launch(const Start& start, int log, const os::Cgroup* leaf, Report* report);
  /// Why the last launch failed: an errno.
  [[nodiscard]] int error() const { return error_; }

 private:
  struct Free {
    void operator()(std::byte* memory) const { std::free(memory); }
  };

  os::UniqueFd null_;
  std::unique_ptr<std::byte, Free> stack_;  ///< of the child, while it shares our memory
  std::uint64_t files_max_ = 0;             ///< RLIMIT_NOFILE as we found it, for the children
  bool clone3_ = true;  ///< false once the kernel, or a filter of system calls, said that there is none
  int error_ = 0;
};

}  // namespace sluice::supervisor
