#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "sluice/base/clock.hpp"
#include "sluice/ipc/supervisor/messages.hpp"
#include "sluice/os/cgroup.hpp"
#include "sluice/os/process.hpp"
#include "sluice/os/tree.hpp"
#include "sluice/supervisor/attempt_log.hpp"
#include "sluice/supervisor/interpreters.hpp"
#include "sluice/supervisor/launch.hpp"

namespace sluice::supervisor {

/// The running attempts: starts them, watches the size of their logs and their memory, kills their process
/// trees, and records how they ended in the log. The process must be a child subreaper with one thread. Not
/// thread-safe; nothing here blocks, except for a child between its fork and its exec.
class Attempts {
 public:
  using OnEnded = std::function<void(const Ended&)>;
  using OnMountsRefused = std::function<void(const MountsRefused&)>;

  /// Both may be absent: then trees are found by /proc; and memory is limited by the leaves of `parent`, if
  /// these can do that, or watched. The callbacks are called from within the members below.
  struct Groups {
    std::optional<os::CgroupParent> parent;
    std::optional<os::MemoryGroups> memory;
  };
  Attempts(AttemptLog& log, const Clock& clock, Groups groups, OnEnded on_ended,
           OnMountsRefused on_mounts_refused);
  ~Attempts();
  Attempts(const Attempts&) = delete;
  Attempts& operator=(const Attempts&) = delete;

  /// Returns the immediate response: Started, also if it is running already or waits for an interpreter's
  /// fork; Ended, if it ended before or could not be forked; MountsRefused, if the kernel permits no mount
  /// namespace.
  Response start(const Start& start);
  void cancel(const std::string& fence, std::chrono::milliseconds grace);
  /// Sends SIGKILL to all trees. Their ends are reported as usual.
  void kill_all();

  /// After SIGCHLD: reaps all ended processes, orphans included.
  void reap();
  /// Does what is due. Returns how long the caller may wait before the next call; nothing: until another
  /// event.
  std::optional<std::chrono::nanoseconds> tick();

  /// Readable when `handle_interpreters` has something to do.
  [[nodiscard]] int interpreters() const { return interpreters_.descriptor(); }
  void handle_interpreters() { interpreters_.handle(); }

  [[nodiscard]] std::size_t running() const { return attempts_.size() + waiting_.size(); }
  [[nodiscard]] bool cgroups() const { return parent_.has_value(); }

 private:
  struct Attempt;
  struct Waiting;
  using WaitingAttempts = std::unordered_map<std::string, std::unique_ptr<Waiting>>;  ///< by fence
  using Steady = std::chrono::nanoseconds;

  std::optional<os::Cgroup> acquire_leaf();
  void release_leaf(os::Cgroup leaf);
  /// Chooses what keeps the attempt's limit.
  void limit_memory(Attempt& attempt);
  Result<pid_t> launch(Attempt& attempt, const Start& start);
  /// Executes the attempt's program; the log has the fence.
  Response execute(std::unique_ptr<Attempt> attempt, const Start& start);
  void begin_running(std::unique_ptr<Attempt> attempt, pid_t pid);
  /// This child waits to run the attempt.
  void on_forked(const std::string& fence, pid_t pid);
  void on_no_fork(const std::string& fence, Warm why);
  /// Puts the process into the attempt's groups.
  [[nodiscard]] static bool adopt(Attempt& attempt, pid_t pid);
  void main_ended(Attempt& attempt, const os::Exit& exit);
  /// Returns true if nothing of the tree is left; else sends SIGKILL to what is left, to be called again
  /// later.
  bool kill_leftovers(Attempt& attempt);
  void signal_tree(Attempt& attempt, int number);
  [[nodiscard]] std::vector<os::ProcessInfo> orphans_of(const Attempt& attempt) const;
  void finish(Attempt& attempt);
  void end_waiting(WaitingAttempts::iterator found, bool cancelled);
  void withdraw(Attempt& attempt);
  void drain();
  /// Kills the attempts whose log is too long.
  void check_logs(Steady now);
  /// Kills the attempts that use too much memory.
  void check_memory(Steady now);
  [[nodiscard]] static bool is_memory_checked(const Attempt& attempt);
  /// The descendants of each child of this process, itself included, by /proc.
  [[nodiscard]] static std::unordered_map<pid_t, std::vector<pid_t>> families();
  [[nodiscard]] static bool ran_out_of_memory(const Attempt& attempt, const Report& report);
  Ended could_not_start(const Start& start, Step step, int error);

  AttemptLog& log_;
  const Clock& clock_;
  std::optional<os::CgroupParent> parent_;
  std::optional<os::MemoryGroups> memory_groups_;
  OnEnded on_ended_;
  OnMountsRefused on_mounts_refused_;
  Launcher launcher_;
  Reports reports_;
  Interpreters interpreters_;
  std::unordered_map<std::string, std::unique_ptr<Attempt>> attempts_;
  WaitingAttempts waiting_;  ///< for the fork of an interpreter
  std::unordered_map<pid_t, Attempt*> by_pid_;
  std::vector<Attempt*> draining_;  ///< their main process has ended
  std::vector<os::Cgroup> free_leaves_;
  std::uint64_t leaves_made_ = 0;
  std::uint64_t memory_groups_made_ = 0;
  std::vector<os::MemoryGroup> left_groups_;  ///< of attempts that have ended; to be removed
  bool more_to_reap_ = false;                 ///< if true, reap() may have left ended processes
  std::size_t with_deadline_ = 0;             ///< cancelled attempts that were not killed yet
  std::size_t with_quota_ = 0;
  Steady check_logs_at_{0};
  std::size_t with_checked_memory_ = 0;
  Steady check_memory_at_{0};
  Steady no_memory_check_before_{0};  ///< so that other things are done too
};

}  // namespace sluice::supervisor
