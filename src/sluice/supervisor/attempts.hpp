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
#include "sluice/supervisor/book.hpp"
#include "sluice/supervisor/launch.hpp"

namespace sluice::supervisor {

/// The attempts that run: starts them, watches their logs, ends their trees, and writes how they ended into
/// the book. The process must be a child subreaper with one thread. Not thread-safe; nothing here waits, but
/// for a child between its fork and its program.
class Attempts {
 public:
  using Tell = std::function<void(const Ended&)>;
  using Refuse = std::function<void(const MountsRefused&)>;

  /// `parent` absent: trees are found by /proc. `tell` and `refuse` are called from within the members below.
  Attempts(Book& book, const Clock& clock, std::optional<os::CgroupParent> parent, Tell tell, Refuse refuse);
  ~Attempts();
  Attempts(const Attempts&) = delete;
  Attempts& operator=(const Attempts&) = delete;

  /// What there is to answer at once: Started, also where it runs already; Ended, where it ended before or
  /// could not be forked; MountsRefused, where the kernel gives no mount namespace.
  Answer start(const Start& start);
  void cancel(const std::string& fence, std::chrono::milliseconds grace);
  /// SIGKILL to all trees. Their ends follow as usual.
  void kill_all();

  /// After SIGCHLD: reaps whatever ended, orphans included.
  void reap();
  /// Does what is due. Answers how long the next call may wait; nothing: until something else happens.
  std::optional<std::chrono::nanoseconds> tick();

  [[nodiscard]] std::size_t running() const { return attempts_.size(); }
  [[nodiscard]] bool cgroups() const { return parent_.has_value(); }

 private:
  struct Attempt;
  using Steady = std::chrono::nanoseconds;

  std::optional<os::Cgroup> take_leaf();
  void give_back_leaf(os::Cgroup leaf);
  void main_ended(Attempt& attempt, const os::Exit& exit);
  /// True when nothing of the tree is left; else what is left has been killed, and will be looked at again.
  bool ended_tree(Attempt& attempt);
  void signal_tree(Attempt& attempt, int number);
  [[nodiscard]] std::vector<os::ProcessInfo> orphans_of(const Attempt& attempt) const;
  void finish(Attempt& attempt);
  void drain();
  /// Ends those whose log is too long.
  void watch_logs(Steady now);
  Ended could_not_start(const Start& start, Step step, int error);

  Book& book_;
  const Clock& clock_;
  std::optional<os::CgroupParent> parent_;
  Tell tell_;
  Refuse refuse_;
  Launcher launcher_;
  Reports reports_;
  std::unordered_map<std::string, std::unique_ptr<Attempt>> attempts_;
  std::unordered_map<pid_t, Attempt*> by_pid_;
  std::vector<Attempt*> draining_;  ///< their main process has ended
  std::vector<os::Cgroup> free_leaves_;
  std::uint64_t leaves_made_ = 0;
  bool more_to_reap_ = false;      ///< perhaps
  std::size_t with_deadline_ = 0;  ///< cancelled ones that were not killed yet
  std::size_t with_quota_ = 0;
  Steady look_at_logs_{0};
};

}  // namespace sluice::supervisor
