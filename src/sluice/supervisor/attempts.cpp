#include "sluice/supervisor/attempts.hpp"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sluice/os/tree.hpp"
#include "sluice/supervisor/attempt.hpp"
#include "sluice/supervisor/log_quota.hpp"
#include "sluice/supervisor/memory_watch.hpp"

namespace sluice::supervisor {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t free_leaves_max = 64;
constexpr int reaped_at_once_max = 256;
constexpr auto drain_interval = 2ms;
/// A killed process that hangs in the kernel (a dead network file system) is abandoned after this.
constexpr auto drain_max = 10s;
/// A process that has been reaped may still be in its memory group.
constexpr auto remove_groups_interval = 100ms;

/// A stopped process could not end in order on SIGTERM, so it is continued too.
void send_signal(pid_t pid, int number) {
  kill(pid, number);
  if (number == SIGTERM) kill(pid, SIGCONT);
}

std::int64_t milliseconds(Time time) { return time.time_since_epoch().count(); }

}  // namespace

/// In the log, and not running: until an interpreter has forked, or cannot.
struct Attempts::Waiting {
  std::unique_ptr<Attempt> attempt;
  Start start;
};

Attempts::Attempts(AttemptLog& log, const Clock& clock, Groups groups, OnEnded on_ended,
                   OnMountsRefused on_mounts_refused)
    : log_(log),
      clock_(clock),
      parent_(std::move(groups.parent)),
      memory_groups_(std::move(groups.memory)),
      on_ended_(std::move(on_ended)),
      on_mounts_refused_(std::move(on_mounts_refused)),
      interpreters_(clock, launcher_,
                    {.forked = [this](const std::string& fence, pid_t pid) { on_forked(fence, pid); },
                     .failed = [this](const std::string& fence, Warm why) { on_no_fork(fence, why); }}) {}

Attempts::~Attempts() = default;

// Starting

Response Attempts::start(const Start& start) {
  if (const auto running = attempts_.find(start.fence); running != attempts_.end())
    return Started{.fence = start.fence, .pid = static_cast<std::uint32_t>(running->second->pid)};
  if (waiting_.contains(start.fence)) return Started{.fence = start.fence, .pid = 0};
  if (const auto* ended = log_.ended(start.fence)) return *ended;
  if (log_.forgotten(start.fence)) return Ended{.fence = start.fence, .kind = EndKind::forgotten};
  if (running() >= running_max) return could_not_start(start, Step::fork, EAGAIN);

  auto attempt = std::make_unique<Attempt>();
  attempt->fence = start.fence;
  attempt->mark = os::tree_mark(tree_id(start.fence));
  attempt->started_ms = milliseconds(clock_.now());
  attempt->log.reset(open(start.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0600));
  if (!attempt->log) return could_not_start(start, Step::log, errno);
  attempt->log_bytes_max = start.log_bytes_max;
  // Moving a fork into a group waits for all processors, which takes longer than all else: without a limit to
  // keep, its tree is found by its mark.
  if (!start.branch || start.memory_max > 0) attempt->leaf = acquire_leaf();
  attempt->memory_max = start.memory_max;
  if (attempt->memory_max > 0) limit_memory(*attempt);
  if (auto begun =
          log_.begin(start.fence, attempt->leaf ? attempt->leaf->path().string() : "", attempt->started_ms);
      !begun)
    return could_not_start(start, Step::fork, EIO);

  attempt->report = reports_.acquire();
  attempt->ticks = os::ticks_since_boot();
  if (start.branch) {
    if (const auto why = interpreters_.ask(start, attempt->log.get())) {
      attempt->warm = *why;
    } else {
      waiting_.emplace(start.fence, std::make_unique<Waiting>(std::move(attempt), start));
      return Started{.fence = start.fence, .pid = 0};
    }
  }
  return execute(std::move(attempt), start);
}

Response Attempts::execute(std::unique_ptr<Attempt> attempt, const Start& start) {
  auto pid = launch(*attempt, start);
  if (!pid && attempt->leaf && launcher_.error() != EPERM && launcher_.error() != EAGAIN) {
    // A group that accepts no process (a threaded parent, for example): do without cgroups from now on.
    attempt->leaf.reset();
    free_leaves_.clear();
    parent_.reset();
    if (attempt->memory_keeper == MemoryKeeper::leaf) limit_memory(*attempt);
    pid = launch(*attempt, start);
  }
  if (!pid) {
    const int error = launcher_.error();
    withdraw(*attempt);
    if (!start.mounts.empty() && error == EPERM) return MountsRefused{.fence = start.fence, .error = EPERM};
    return could_not_start(start, Step::fork, error);
  }
  begin_running(std::move(attempt), *pid);
  return Started{.fence = start.fence, .pid = static_cast<std::uint32_t>(*pid)};
}

void Attempts::withdraw(Attempt& attempt) {
  reports_.release(attempt.report);
  log_.withdraw(attempt.fence);
  if (attempt.leaf) release_leaf(std::move(*attempt.leaf));
}

void Attempts::begin_running(std::unique_ptr<Attempt> attempt, pid_t pid) {
  attempt->pid = pid;
  log_.forked(attempt->fence, pid, os::ticks_since_boot());
  if (attempt->log_bytes_max > 0) {
    attempt->check_log_at = clock_.steady() + log_check_interval(0, attempt->log_bytes_max);
    check_logs_at_ =
        with_quota_ == 0 ? attempt->check_log_at : std::min(check_logs_at_, attempt->check_log_at);
    ++with_quota_;
  }
  if (is_memory_checked(*attempt)) {
    attempt->check_memory_at = clock_.steady() + memory_check_interval(0, attempt->memory_max);
    const auto next = std::max(attempt->check_memory_at, no_memory_check_before_);
    check_memory_at_ = with_checked_memory_ == 0 ? next : std::min(check_memory_at_, next);
    ++with_checked_memory_;
  }
  by_pid_.emplace(pid, attempt.get());
  attempts_.emplace(attempt->fence, std::move(attempt));
}

void Attempts::on_forked(const std::string& fence, pid_t pid) {
  const auto found = waiting_.find(fence);
  if (found == waiting_.end()) return interpreters_.give_up(fence);
  if (!adopt(*found->second->attempt, pid)) {
    interpreters_.give_up(fence);
    return on_no_fork(fence, Warm::no_fork);
  }
  auto attempt = std::move(found->second->attempt);
  waiting_.erase(found);
  attempt->warm = Warm::forked;
  begin_running(std::move(attempt), pid);
  // If it is gone already, its end is reaped and reported as that of the attempt.
  static_cast<void>(interpreters_.go(fence));
}

bool Attempts::adopt(Attempt& attempt, pid_t pid) {
  if (attempt.leaf && !attempt.leaf->add(pid)) return false;
  const auto number = std::to_string(pid);
  return !attempt.memory_group || write(attempt.memory_group->tasks(), number.data(), number.size()) > 0;
}

void Attempts::on_no_fork(const std::string& fence, Warm why) {
  const auto found = waiting_.find(fence);
  if (found == waiting_.end()) return;
  const auto waiting = std::move(found->second);
  waiting_.erase(found);
  waiting->attempt->warm = why;
  auto response = execute(std::move(waiting->attempt), waiting->start);
  if (auto* ended = std::get_if<Ended>(&response)) on_ended_(log_.end(std::move(*ended)));
  if (const auto* refused = std::get_if<MountsRefused>(&response)) on_mounts_refused_(*refused);
}

Result<pid_t> Attempts::launch(Attempt& attempt, const Start& start) {
  return launcher_.launch(start, attempt.log.get(), attempt.leaf ? &*attempt.leaf : nullptr,
                          attempt.memory_group ? &*attempt.memory_group : nullptr, attempt.report);
}

Ended Attempts::could_not_start(const Start& start, Step step, int error) {
  const auto now = milliseconds(clock_.now());
  return {.fence = start.fence,
          .kind = EndKind::not_started,
          .status = error,
          .step = step,
          .started_ms = now,
          .ended_ms = now};
}

std::optional<os::Cgroup> Attempts::acquire_leaf() {
  if (!parent_) return std::nullopt;
  if (!free_leaves_.empty()) {
    auto leaf = std::move(free_leaves_.back());
    free_leaves_.pop_back();
    return leaf;
  }
  // This process's pid is part of the name: a leaf of an earlier supervisor may still hold a process that
  // cannot be killed.
  auto leaf = parent_->make_leaf(std::to_string(getpid()) + "-" + std::to_string(leaves_made_++));
  if (leaf) return std::move(*leaf);
  return std::nullopt;
}

void Attempts::release_leaf(os::Cgroup leaf) {
  // An empty group is reused, because creating one costs more than a fork. Not if memory is counted: the peak
  // would be that of all its attempts; and not if it has a limit.
  if (parent_ && !parent_->counts_memory() && !leaf.limited() && free_leaves_.size() < free_leaves_max &&
      !leaf.killed() && !leaf.populated())
    free_leaves_.push_back(std::move(leaf));
}

// Ending

void Attempts::cancel(const std::string& fence, std::chrono::milliseconds grace) {
  if (const auto waiting = waiting_.find(fence); waiting != waiting_.end()) return end_waiting(waiting, true);
  const auto found = attempts_.find(fence);
  if (found == attempts_.end() || found->second->exit) return;
  auto& attempt = *found->second;
  attempt.cancelled = true;
  if (attempt.killed) return;
  if (grace > 0ms) {
    signal_tree(attempt, SIGTERM);
    const auto kill_at = clock_.steady() + grace;
    if (!attempt.kill_at) ++with_deadline_;
    attempt.kill_at = attempt.kill_at ? std::min(*attempt.kill_at, Steady(kill_at)) : kill_at;
    return;
  }
  if (attempt.kill_at) --with_deadline_;
  attempt.kill_at.reset();
  attempt.killed = true;
  signal_tree(attempt, SIGKILL);
}

/// Nothing of it has run.
void Attempts::end_waiting(WaitingAttempts::iterator found, bool cancelled) {
  interpreters_.give_up(found->first);
  const auto waiting = std::move(found->second);
  waiting_.erase(found);
  auto& attempt = *waiting->attempt;
  reports_.release(attempt.report);
  if (attempt.leaf) release_leaf(std::move(*attempt.leaf));
  on_ended_(log_.end({.fence = attempt.fence,
                      .kind = EndKind::signalled,
                      .status = SIGKILL,
                      .cancelled = cancelled,
                      .started_ms = attempt.started_ms,
                      .ended_ms = milliseconds(clock_.now()),
                      .warm = attempt.warm}));
}

void Attempts::kill_all() {
  while (!waiting_.empty()) end_waiting(waiting_.begin(), false);
  for (auto& [fence, attempt] : attempts_) signal_tree(*attempt, SIGKILL);
}

void Attempts::signal_tree(Attempt& attempt, int number) {
  if (attempt.leaf) {
    if (number == SIGKILL) return attempt.leaf->kill();
    for (const auto pid : attempt.leaf->processes()) send_signal(pid, number);
    return;
  }
  // It is not reaped yet, so the pid has not been reused.
  if (!attempt.exit) {
    if (number == SIGKILL) kill(-attempt.pid, number);
    for (const auto pid : os::descendants(os::all_processes(), attempt.pid)) send_signal(pid, number);
    send_signal(attempt.pid, number);
  }
  for (const auto& orphan : orphans_of(attempt)) send_signal(orphan.pid, number);
}

void Attempts::reap() {
  // No more than these at once: a task that forks without end creates orphans as fast as they are reaped, and
  // would keep the supervisor from killing it.
  more_to_reap_ = true;
  for (int reaped = 0; reaped < reaped_at_once_max; ++reaped) {
    int status = 0;
    struct rusage usage{};
    const pid_t pid = wait4(-1, &status, WNOHANG, &usage);
    if (pid <= 0) {
      more_to_reap_ = false;
      break;
    }
    // Others are reparented orphans of some attempt, whose tree is checked when it ends.
    if (const auto found = by_pid_.find(pid); found != by_pid_.end())
      main_ended(*found->second, os::exit_of(status, usage));
    else
      interpreters_.ended(pid);
  }
  drain();
}

void Attempts::main_ended(Attempt& attempt, const os::Exit& exit) {
  by_pid_.erase(attempt.pid);
  attempt.exit = exit;
  attempt.ended_ms = milliseconds(clock_.now());
  attempt.drain_until = clock_.steady() + drain_max;
  if (attempt.kill_at) --with_deadline_;
  attempt.kill_at.reset();
  draining_.push_back(&attempt);
}

void Attempts::drain() {
  const auto now = clock_.steady();
  std::vector<Attempt*> ended;
  std::erase_if(draining_, [&](Attempt* attempt) {
    if (!kill_leftovers(*attempt) && now < attempt->drain_until) return false;
    ended.push_back(attempt);
    return true;
  });
  for (auto* attempt : ended) finish(*attempt);
}

bool Attempts::kill_leftovers(Attempt& attempt) {
  if (attempt.leaf) {
    if (!attempt.leaf->populated()) return true;
    attempt.leaf->kill();
    return false;
  }
  const auto orphans = orphans_of(attempt);
  if (orphans.empty()) return true;
  const auto all = os::all_processes();
  for (const auto& orphan : orphans) {
    // The whole group at once, also those being forked: in a chain in which each process forks and exits,
    // each would be gone before its turn. The group belongs to this attempt alone, because every attempt is a
    // session; and it exists, because the orphan has not been reaped.
    if (orphan.group > 1) kill(-orphan.group, SIGKILL);
    kill(orphan.pid, SIGKILL);
    for (const auto pid : os::descendants(all, orphan.pid)) kill(pid, SIGKILL);
  }
  return false;
}

/// This process is the subreaper: what an attempt left behind when its parents died is now a child of it.
std::vector<os::ProcessInfo> Attempts::orphans_of(const Attempt& attempt) const {
  std::vector<os::ProcessInfo> out;
  for (const auto pid : os::own_children()) {
    if (by_pid_.contains(pid)) continue;
    const auto info = os::process_info(pid);
    if (!info || info->state == 'Z' || interpreters_.owns(pid, info->session)) continue;
    const auto mark = os::tree_mark_of(pid);
    const auto marker = os::environment_variable(pid, "SLUICE_ATTEMPT");
    if (mark == attempt.mark || marker == attempt.fence || info->session == attempt.pid) {
      out.push_back(*info);
      continue;
    }
    if (marker && attempts_.contains(*marker)) continue;
    const auto has_its_mark = [&](const auto& entry) { return entry.second->mark == mark; };
    if (std::ranges::any_of(attempts_, has_its_mark)) continue;
    if (std::ranges::any_of(waiting_, [&](const auto& entry) { return entry.second->attempt->mark == mark; }))
      continue;
    // It has neither a mark nor a marker of an attempt. It belongs to this attempt if no other can have
    // started it.
    const bool other = std::ranges::any_of(attempts_, [&](const auto& entry) {
      return entry.second.get() != &attempt && entry.second->ticks <= info->started + 1;
    });
    if (!other) out.push_back(*info);
  }
  return out;
}

void Attempts::finish(Attempt& attempt) {
  Ended ended{.fence = attempt.fence,
              .cancelled = attempt.cancelled,
              .started_ms = attempt.started_ms,
              .ended_ms = attempt.ended_ms,
              .cpu_ms = attempt.exit->cpu.count(),
              .memory_peak = attempt.exit->memory_peak,
              .warm = attempt.warm};
  if (attempt.leaf && parent_ && parent_->counts_memory())
    if (const auto peak = attempt.leaf->memory_peak()) {
      ended.memory_peak = *peak;
      ended.memory_of_tree = true;
    }
  if (attempt.memory_group)
    if (const auto peak = attempt.memory_group->peak()) {
      ended.memory_peak = *peak;
      ended.memory_of_tree = true;
    }
  if (attempt.over_memory && attempt.memory_keeper == MemoryKeeper::watch) {
    ended.memory_peak = static_cast<std::int64_t>(attempt.memory_seen);
    ended.memory_of_tree = true;
  }
  struct stat log{};
  if (attempt.log_bytes_max > 0 && fstat(attempt.log.get(), &log) == 0 &&
      static_cast<std::uint64_t>(log.st_size) > attempt.log_bytes_max) {
    attempt.over_quota = true;
    static_cast<void>(ftruncate(attempt.log.get(), static_cast<off_t>(attempt.log_bytes_max)) == 0);
  }
  const auto report = *attempt.report;
  if (attempt.over_quota) {
    ended.kind = EndKind::log_quota;
  } else if (ran_out_of_memory(attempt, report)) {
    ended.kind = EndKind::memory;
  } else if (report.what == Report::What::step) {
    ended.kind = EndKind::not_started;
    ended.step = report.step;
    ended.status = report.error;
  } else if (attempt.exit->signal != 0) {
    ended.kind = EndKind::signalled;
    ended.status = attempt.exit->signal;
  } else {
    ended.kind = EndKind::exited;
    ended.status = attempt.exit->status;
  }

  reports_.release(attempt.report);
  if (attempt.log_bytes_max > 0) --with_quota_;
  if (is_memory_checked(attempt)) --with_checked_memory_;
  if (attempt.leaf) release_leaf(std::move(*attempt.leaf));
  if (attempt.memory_group && !attempt.memory_group->remove())
    left_groups_.push_back(std::move(*attempt.memory_group));
  const auto fence = attempt.fence;
  attempts_.erase(fence);
  if (report.what == Report::What::mounts) {
    log_.withdraw(fence);
    on_mounts_refused_(MountsRefused{.fence = fence, .error = static_cast<std::uint32_t>(report.error)});
    return;
  }
  on_ended_(log_.end(std::move(ended)));
}

// Time

std::optional<std::chrono::nanoseconds> Attempts::tick() {
  const auto now = clock_.steady();
  std::optional<Steady> next;
  const auto wake_at = [&](Steady at) { next = next ? std::min(*next, at) : at; };
  if (more_to_reap_) reap();
  if (more_to_reap_) wake_at(now);
  if (!draining_.empty()) {
    drain();
    if (!draining_.empty()) wake_at(now + drain_interval);
  }
  if (with_deadline_ > 0) {
    for (auto& [fence, attempt] : attempts_) {
      if (!attempt->kill_at) continue;
      if (*attempt->kill_at > now) {
        wake_at(*attempt->kill_at);
        continue;
      }
      attempt->kill_at.reset();
      --with_deadline_;
      attempt->killed = true;
      signal_tree(*attempt, SIGKILL);
    }
  }
  if (with_quota_ > 0) {
    if (check_logs_at_ <= now) check_logs(now);
    wake_at(check_logs_at_);
  }
  if (!left_groups_.empty()) {
    std::erase_if(left_groups_, [](os::MemoryGroup& group) { return group.remove(); });
    if (!left_groups_.empty()) wake_at(now + remove_groups_interval);
  }
  if (with_checked_memory_ > 0) {
    if (check_memory_at_ <= now) check_memory(now);
    wake_at(check_memory_at_);
  }
  if (const auto due = interpreters_.tick()) wake_at(*due);
  if (!next) return std::nullopt;
  return std::max(Steady(0), *next - now);
}

}  // namespace sluice::supervisor
