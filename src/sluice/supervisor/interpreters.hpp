#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include <sys/types.h>

#include "sluice/base/clock.hpp"
#include "sluice/ipc/supervisor/messages.hpp"
#include "sluice/os/files.hpp"
#include "sluice/supervisor/launch.hpp"

namespace sluice::supervisor {

inline constexpr std::size_t interpreters_max = 4;
/// Of all interpreters together.
inline constexpr std::size_t branches_max = 8;
/// Of interpreters and branches.
inline constexpr auto interpreter_idle_max = std::chrono::minutes(1);
/// From the question to the fork, which includes the start of the interpreter and the branch's imports.
inline constexpr auto fork_wait_max = std::chrono::minutes(2);

/// Warm interpreters: children of this process. One forks into branches, which import modules, and a branch
/// forks for each attempt that asks for one like it. All forks become children of this process, which must be
/// a subreaper. One for an attempt does nothing of it before `go`: until then it can be given up, and the
/// attempt started in another way. The other end of this is `executors/process/call_function.py`; README.md
/// describes the sequence. Not thread-safe; nothing blocks.
class Interpreters {
 public:
  /// Called from `handle`, `ended` and `tick`; they may call this object.
  struct Events {
    /// This child waits for `go`.
    std::function<void(const std::string& fence, pid_t pid)> forked;
    /// There is no fork, and will be none.
    std::function<void(const std::string& fence, Warm why)> failed;
  };
  Interpreters(const Clock& clock, Launcher& launcher, Events events);
  ~Interpreters();
  Interpreters(const Interpreters&) = delete;
  Interpreters& operator=(const Interpreters&) = delete;

  /// Asks the branch that `start` names for a fork; begins it, and its interpreter, if there is none, for
  /// which an idle one may end. `log` is the output of the fork. Returns nothing if it was asked: one of the
  /// events follows; else why not.
  std::optional<Warm> ask(const Start& start, int log);
  /// Lets the fork run its attempt. False: it is gone; it will be reaped as any child.
  bool go(const std::string& fence);
  /// Drops the question; a fork that waits ends without having run anything.
  void give_up(const std::string& fence);

  /// Readable when `handle` has something to do.
  [[nodiscard]] int descriptor() const { return epoll_.get(); }
  void handle();
  /// Whether this child, which was reaped, was an interpreter or a branch.
  bool ended(pid_t pid);
  /// Whether this process is an interpreter or a branch, or was forked by one and has no attempt yet.
  [[nodiscard]] bool owns(pid_t pid, pid_t session) const;
  /// Ends what is idle, gives up what took too long. Returns when to call it again.
  std::optional<std::chrono::nanoseconds> tick();

 private:
  using Steady = std::chrono::nanoseconds;
  /// An interpreter or a branch.
  struct Process {
    pid_t pid = 0;         ///< 0: of a branch that does not run yet, or of one that has ended
    os::UniqueFd control;  ///< none: it has ended, because it cannot fork (`why`)
    Warm why = Warm::forked;
    Steady used{0};
  };
  struct Running : Process {
    Interpreter what;
    std::string program;
  };
  struct RunningBranch : Process {
    Running* of = nullptr;
    Branch what;
    os::UniqueFd birth;     ///< until it runs: the channel of the fork that becomes it
    std::size_t asked = 0;  ///< questions without an answer
  };
  struct Question {
    RunningBranch* of = nullptr;
    os::UniqueFd channel;
    Steady due{0};
  };
  using Questions = std::unordered_map<std::string, Question>;

  Running* interpreter_for(const Start& start);
  Running* start(const Start& start);
  /// nullptr: all are busy.
  RunningBranch* branch_for(Running& of, const Branch& what);
  /// Asks the interpreter for a fork that becomes it.
  RunningBranch& begin(Running& of, const Branch& what);
  bool watch(int channel);
  /// Reads the answer of the fork that becomes a branch.
  void born(RunningBranch& branch);
  /// Reads the answer of one question.
  void answered(const std::string& fence);
  void fail(const std::string& fence, Warm why);
  void stop(Process& process, Warm why);
  [[nodiscard]] bool is_busy(const Running& running) const;
  /// Ends it with its branches; returns the next one.
  std::list<Running>::iterator remove(std::list<Running>::iterator running);
  Questions::iterator forget(Questions::iterator question);

  const Clock& clock_;
  Launcher& launcher_;
  Events events_;
  Report unread_;  ///< of interpreters that could not be executed: their ends say enough
  os::UniqueFd epoll_;
  std::list<Running> running_;
  std::list<RunningBranch> branches_;
  std::vector<pid_t> ending_;                      ///< killed, and not reaped yet
  Questions questions_;                            ///< by fence
  std::unordered_map<int, std::string> fence_of_;  ///< by channel
};

}  // namespace sluice::supervisor
