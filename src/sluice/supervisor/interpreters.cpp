#include "sluice/supervisor/interpreters.hpp"

#include <algorithm>
#include <array>

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "sluice/os/tree.hpp"
#include "sluice/supervisor/fork_request.hpp"

namespace sluice::supervisor {
namespace {

/// The one that was not used for the longest time, of those that may end; `end` if there is none.
template <typename List, typename MayEnd>
typename List::iterator oldest_of(List& list, const MayEnd& may_end) {
  auto oldest = list.end();
  for (auto one = list.begin(); one != list.end(); ++one)
    if (may_end(*one) && (oldest == list.end() || one->used < oldest->used)) oldest = one;
  return oldest;
}

/// Whether a fork has answered that is a child of this process, and not reaped: else its pid says nothing.
bool is_there(const Answer& answer) {
  if (answer.what != 'F') return false;
  const auto info = os::process_info(answer.pid);
  return info && info->parent == getpid() && info->state != 'Z';
}

}  // namespace

Interpreters::Interpreters(const Clock& clock, Launcher& launcher, Events events)
    : clock_(clock), launcher_(launcher), events_(std::move(events)), epoll_(epoll_create1(EPOLL_CLOEXEC)) {}

Interpreters::~Interpreters() {
  for (auto& branch : branches_) stop(branch, Warm::no_fork);
  for (auto& running : running_) stop(running, Warm::no_fork);
}

std::optional<Warm> Interpreters::ask(const Start& start, int log) {
  auto* running = interpreter_for(start);
  auto* branch = running == nullptr ? nullptr : branch_for(*running, *start.branch);
  if (branch == nullptr) return Warm::no_fork;
  // Its time is that of its end: after the idle time it is dropped, and the next one begins it anew.
  if (!branch->control) return branch->why;
  running->used = branch->used = clock_.steady();
  auto channel = make_channel();
  if (!channel || !watch(channel->ours.get()) ||
      !send_request(branch->control.get(), attempt_request(start), log, channel->theirs.get()))
    return Warm::no_fork;
  ++branch->asked;
  fence_of_.emplace(channel->ours.get(), start.fence);
  questions_.emplace(
      start.fence,
      Question{.of = branch, .channel = std::move(channel->ours), .due = clock_.steady() + fork_wait_max});
  return std::nullopt;
}

Interpreters::Running* Interpreters::interpreter_for(const Start& start) {
  const auto found = std::ranges::find_if(running_, [&](const Running& running) {
    return running.program == start.program && running.what == start.branch->of;
  });
  return found == running_.end() ? this->start(start) : &*found;
}

Interpreters::Running* Interpreters::start(const Start& start) {
  if (running_.size() >= interpreters_max) {
    const auto oldest = oldest_of(running_, [this](const Running& running) { return !is_busy(running); });
    if (oldest == running_.end()) return nullptr;
    remove(oldest);
  }
  const auto& what = start.branch->of;
  auto pair = make_socket_pair();
  const os::UniqueFd null(open("/dev/null", O_WRONLY | O_CLOEXEC));
  if (!pair || !null) return nullptr;
  const Start child{.fence = "interpreter",
                    .program = start.program,
                    .argv = what.argv,
                    .env = what.env,
                    .cwd = "/",
                    .mounts = what.mounts};
  const auto pid = launcher_.launch(child, null.get(), nullptr, nullptr, &unread_, pair->theirs.get());
  if (!pid) return nullptr;
  auto& made = running_.emplace_back();
  made.pid = *pid;
  made.control = std::move(pair->ours);
  made.what = what;
  made.program = start.program;
  return &made;
}

Interpreters::RunningBranch* Interpreters::branch_for(Running& of, const Branch& what) {
  const auto found = std::ranges::find_if(
      branches_, [&](const RunningBranch& branch) { return branch.of == &of && branch.what == what; });
  if (found != branches_.end()) return &*found;
  if (branches_.size() >= branches_max) {
    const auto oldest = oldest_of(branches_, [](const RunningBranch& branch) { return branch.asked == 0; });
    if (oldest == branches_.end()) return nullptr;
    stop(*oldest, Warm::no_fork);
    branches_.erase(oldest);
  }
  return &begin(of, what);
}

Interpreters::RunningBranch& Interpreters::begin(Running& of, const Branch& what) {
  auto& branch = branches_.emplace_back();
  branch.of = &of;
  branch.what = what;
  branch.used = clock_.steady();
  branch.why = of.control ? Warm::no_fork : of.why;
  auto control = make_socket_pair();
  auto channel = make_channel();
  if (!of.control || !control || !channel || !watch(channel->ours.get()) ||
      !send_request(of.control.get(), branch_request(what), control->theirs.get(), channel->theirs.get()))
    return branch;
  branch.why = Warm::forked;
  branch.control = std::move(control->ours);
  branch.birth = std::move(channel->ours);
  return branch;
}

bool Interpreters::watch(int channel) {
  epoll_event event{.events = EPOLLIN, .data = {.fd = channel}};
  return epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, channel, &event) == 0;
}

void Interpreters::handle() {
  std::array<epoll_event, 64> events;
  const int n = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
  for (int i = 0; i < n; ++i) {
    const int channel = events[static_cast<std::size_t>(i)].data.fd;
    // An event before this one may have given it up.
    if (const auto fence = fence_of_.find(channel); fence != fence_of_.end()) {
      answered(std::string(fence->second));
      continue;
    }
    const auto branch = std::ranges::find_if(
        branches_, [&](const RunningBranch& one) { return one.birth && one.birth.get() == channel; });
    if (branch != branches_.end()) born(*branch);
  }
}

void Interpreters::born(RunningBranch& branch) {
  const auto answer = receive_answer(branch.birth.get());
  if (!answer) return;
  if (is_there(*answer)) {
    branch.pid = answer->pid;
    let_go(branch.birth.get());
    branch.birth.reset();
    return;
  }
  if (answer->what == 'T') stop(*branch.of, Warm::threads);
  // With this its questions are closed, and fail.
  stop(branch, answer->what == 'T' ? Warm::threads : Warm::no_fork);
}

void Interpreters::answered(const std::string& fence) {
  const auto found = questions_.find(fence);
  const auto answer = receive_answer(found->second.channel.get());
  if (!answer) return;
  if (is_there(*answer)) return events_.forked(fence, answer->pid);
  auto& branch = *found->second.of;
  if (answer->what == 'T') stop(branch, Warm::threads);
  fail(fence, branch.why == Warm::forked ? Warm::no_fork : branch.why);
}

bool Interpreters::go(const std::string& fence) {
  const auto found = questions_.find(fence);
  if (found == questions_.end()) return false;
  const bool sent = let_go(found->second.channel.get());
  forget(found);
  return sent;
}

void Interpreters::give_up(const std::string& fence) {
  if (const auto found = questions_.find(fence); found != questions_.end()) forget(found);
}

void Interpreters::fail(const std::string& fence, Warm why) {
  give_up(fence);
  events_.failed(fence, why);
}

/// Closes the channel: whoever waits at its other end ends.
Interpreters::Questions::iterator Interpreters::forget(Questions::iterator question) {
  auto& branch = *question->second.of;
  --branch.asked;
  branch.used = branch.of->used = clock_.steady();
  fence_of_.erase(question->second.channel.get());
  return questions_.erase(question);
}

/// Its group is its session: a process that it has forked, and that is no session of its own yet, ends with
/// it.
void Interpreters::stop(Process& process, Warm why) {
  if (process.control) process.why = why;
  process.control.reset();
  if (process.pid == 0) return;
  kill(-process.pid, SIGKILL);
  kill(process.pid, SIGKILL);
  ending_.push_back(process.pid);
  process.pid = 0;
}

bool Interpreters::is_busy(const Running& running) const {
  return std::ranges::any_of(
      branches_, [&](const RunningBranch& branch) { return branch.of == &running && branch.asked > 0; });
}

std::list<Interpreters::Running>::iterator Interpreters::remove(std::list<Running>::iterator running) {
  std::erase_if(branches_, [&](RunningBranch& branch) {
    if (branch.of != &*running) return false;
    stop(branch, Warm::no_fork);
    return true;
  });
  stop(*running, Warm::no_fork);
  return running_.erase(running);
}

bool Interpreters::ended(pid_t pid) {
  if (std::erase(ending_, pid) > 0) return true;
  // Questions that it has not read are closed with its control, and fail; its forks can still answer.
  const auto is_it = [&](Process& process) {
    if (process.pid != pid) return false;
    process.pid = 0;
    stop(process, Warm::no_fork);
    return true;
  };
  return std::ranges::any_of(branches_, is_it) || std::ranges::any_of(running_, is_it);
}

bool Interpreters::owns(pid_t pid, pid_t session) const {
  const auto is = [&](pid_t interpreter) {
    return interpreter != 0 && (interpreter == pid || interpreter == session);
  };
  return std::ranges::any_of(ending_, is) || std::ranges::any_of(running_, is, &Running::pid) ||
         std::ranges::any_of(branches_, is, &RunningBranch::pid);
}

std::optional<std::chrono::nanoseconds> Interpreters::tick() {
  if (running_.empty()) return std::nullopt;
  const auto now = clock_.steady();
  std::vector<std::string> late;
  for (const auto& [fence, question] : questions_)
    if (question.due <= now) late.push_back(fence);
  for (const auto& fence : late) {
    // It may hang in an import, or its interpreter before that: the next ones that ask do not wait for it
    // too.
    if (const auto found = questions_.find(fence); found != questions_.end()) {
      auto& branch = *found->second.of;
      if (branch.pid == 0) stop(*branch.of, Warm::no_fork);
      stop(branch, Warm::no_fork);
    }
    fail(fence, Warm::no_fork);
  }
  auto next = Steady::max();
  for (const auto& [fence, question] : questions_) next = std::min(next, question.due);
  std::erase_if(branches_, [&](RunningBranch& branch) {
    if (branch.asked > 0) return false;
    const auto end = branch.used + interpreter_idle_max;
    if (end > now) {
      next = std::min<Steady>(next, end);
      return false;
    }
    stop(branch, Warm::no_fork);
    return true;
  });
  for (auto one = running_.begin(); one != running_.end();) {
    const auto end = one->used + interpreter_idle_max;
    if (!is_busy(*one) && end <= now) {
      one = remove(one);
      continue;
    }
    if (!is_busy(*one)) next = std::min<Steady>(next, end);
    ++one;
  }
  if (next == Steady::max()) return std::nullopt;
  return next;
}

}  // namespace sluice::supervisor
