#include "sluice/supervisor/interpreters.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sluice/os/tree.hpp"

namespace sluice::supervisor {
namespace {

/// What a fork needs to become its attempt: texts that each end in NUL.
std::string request_of(const Start& start) {
  std::string out;
  const auto add = [&out](const std::string& text) { out.append(text).push_back('\0'); };
  const auto add_all = [&](const std::vector<std::string>& texts) {
    add(std::to_string(texts.size()));
    for (const auto& text : texts) add(text);
  };
  add(std::to_string(os::tree_mark(tree_id(start.fence))));
  add(std::to_string(getpid()));
  add(start.cwd);
  add(start.program);
  add_all(start.argv);
  auto env = start.env;
  env.push_back("SLUICE_ATTEMPT=" + start.fence);
  add_all(env);
  std::vector<std::string> mounts;
  for (const auto& mount : start.mounts) {
    // What the interpreter sees already, its forks see too.
    if (std::ranges::find(start.interpreter->mounts, mount) != start.interpreter->mounts.end()) continue;
    mounts.push_back(mount.source);
    mounts.push_back(mount.target);
  }
  add_all(mounts);
  return out;
}

/// A file in memory: a request may be larger than what a socket takes at once.
os::UniqueFd file_of(const std::string& request) {
  os::UniqueFd file(memfd_create("request", MFD_CLOEXEC));
  if (!file || !os::write_fd(file.get(), request)) return {};
  return file;
}

struct Pair {
  os::UniqueFd ours;  ///< does not block
  os::UniqueFd theirs;
};

std::optional<Pair> make_pair() {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) return std::nullopt;
  Pair pair{.ours = os::UniqueFd(ends[0]), .theirs = os::UniqueFd(ends[1])};
  const int flags = fcntl(pair.ours.get(), F_GETFL);
  if (flags < 0 || fcntl(pair.ours.get(), F_SETFL, flags | O_NONBLOCK) != 0) return std::nullopt;
  return pair;
}

struct Answer {
  char what = 0;  ///< 'F': a fork waits; 'T': it has threads; else: none will come
  pid_t pid = 0;  ///< of who sent it, as the kernel says
};

/// Nothing: not yet.
std::optional<Answer> receive(int channel) {
  Answer answer;
  iovec bytes{.iov_base = &answer.what, .iov_len = 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(ucred))> buffer{};
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = buffer.data();
  message.msg_controllen = buffer.size();
  const auto got = recvmsg(channel, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return std::nullopt;
  if (got <= 0) return Answer{};
  for (auto* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_CREDENTIALS) continue;
    ucred who{};
    std::memcpy(&who, CMSG_DATA(part), sizeof who);
    answer.pid = who.pid;
  }
  return answer;
}

}  // namespace

Interpreters::Interpreters(const Clock& clock, Launcher& launcher, Events events)
    : clock_(clock), launcher_(launcher), events_(std::move(events)), epoll_(epoll_create1(EPOLL_CLOEXEC)) {}

Interpreters::~Interpreters() {
  for (auto& running : running_) stop(running);
}

std::optional<Warm> Interpreters::ask(const Start& start, int log) {
  auto* running = find(start);
  if (running == nullptr) running = this->start(start);
  if (running == nullptr) return Warm::no_fork;
  running->used = clock_.steady();
  if (running->pid == 0) return running->why;
  auto pair = make_pair();
  constexpr int on = 1;
  if (!pair || setsockopt(pair->ours.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0)
    return Warm::no_fork;
  epoll_event event{.events = EPOLLIN, .data = {.fd = pair->ours.get()}};
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, pair->ours.get(), &event) != 0 ||
      !send(*running, start, log, pair->theirs.get()))
    return Warm::no_fork;
  ++running->asked;
  fence_of_.emplace(pair->ours.get(), start.fence);
  questions_.emplace(
      start.fence,
      Question{.of = running, .channel = std::move(pair->ours), .due = clock_.steady() + fork_wait_max});
  return std::nullopt;
}

Interpreters::Running* Interpreters::find(const Start& start) {
  const auto found = std::ranges::find_if(running_, [&](const Running& running) {
    return running.program == start.program && running.what == *start.interpreter;
  });
  return found == running_.end() ? nullptr : &*found;
}

Interpreters::Running* Interpreters::start(const Start& start) {
  if (running_.size() >= interpreters_max) {
    auto oldest = running_.end();
    for (auto one = running_.begin(); one != running_.end(); ++one)
      if (one->asked == 0 && (oldest == running_.end() || one->used < oldest->used)) oldest = one;
    if (oldest == running_.end()) return nullptr;
    stop(*oldest);
    running_.erase(oldest);
  }
  auto pair = make_pair();
  const os::UniqueFd null(open("/dev/null", O_WRONLY | O_CLOEXEC));
  if (!pair || !null) return nullptr;
  const Start child{.fence = "interpreter",
                    .program = start.program,
                    .argv = start.interpreter->argv,
                    .env = start.interpreter->env,
                    .cwd = "/",
                    .mounts = start.interpreter->mounts};
  const auto pid = launcher_.launch(child, null.get(), nullptr, nullptr, &unread_, pair->theirs.get());
  if (!pid) return nullptr;
  running_.push_back(
      {.what = *start.interpreter, .program = start.program, .pid = *pid, .control = std::move(pair->ours)});
  return &running_.back();
}

bool Interpreters::send(Running& running, const Start& start, int log, int channel) {
  const auto request = file_of(request_of(start));
  if (!request) return false;
  const std::array<int, 3> descriptors{request.get(), log, channel};
  char byte = 'A';
  iovec bytes{.iov_base = &byte, .iov_len = 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof descriptors)> buffer{};
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = buffer.data();
  message.msg_controllen = buffer.size();
  auto* part = CMSG_FIRSTHDR(&message);
  part->cmsg_level = SOL_SOCKET;
  part->cmsg_type = SCM_RIGHTS;
  part->cmsg_len = CMSG_LEN(sizeof descriptors);
  std::memcpy(CMSG_DATA(part), descriptors.data(), sizeof descriptors);
  return sendmsg(running.control.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL) == 1;
}

void Interpreters::handle() {
  std::array<epoll_event, 64> events;
  const int n = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
  for (int i = 0; i < n; ++i) {
    // An event before this one may have given it up.
    const auto fence = fence_of_.find(events[static_cast<std::size_t>(i)].data.fd);
    if (fence != fence_of_.end()) answered(std::string(fence->second));
  }
}

void Interpreters::answered(const std::string& fence) {
  const auto found = questions_.find(fence);
  const auto answer = receive(found->second.channel.get());
  if (!answer) return;
  if (answer->what == 'F') {
    // It is a child of this process, not reaped, or it has ended and its pid says nothing.
    const auto info = os::process_info(answer->pid);
    if (info && info->parent == getpid() && info->state != 'Z') return events_.forked(fence, answer->pid);
  }
  auto& running = *found->second.of;
  if (answer->what == 'T') {
    running.why = Warm::threads;
    stop(running);
  }
  fail(fence, running.why == Warm::forked ? Warm::no_fork : running.why);
}

bool Interpreters::go(const std::string& fence) {
  const auto found = questions_.find(fence);
  if (found == questions_.end()) return false;
  constexpr char byte = 'G';
  const bool sent = ::send(found->second.channel.get(), &byte, 1, MSG_DONTWAIT | MSG_NOSIGNAL) == 1;
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
  --question->second.of->asked;
  question->second.of->used = clock_.steady();
  fence_of_.erase(question->second.channel.get());
  return questions_.erase(question);
}

/// Its group is its session: a process that it has forked, and that is no session of its own yet, ends with
/// it.
void Interpreters::stop(Running& running) {
  if (running.pid == 0) return;
  kill(-running.pid, SIGKILL);
  kill(running.pid, SIGKILL);
  ending_.push_back(running.pid);
  running.pid = 0;
  running.control.reset();
}

bool Interpreters::ended(pid_t pid) {
  if (std::erase(ending_, pid) > 0) return true;
  const auto found = std::ranges::find(running_, pid, &Running::pid);
  if (found == running_.end()) return false;
  // Questions that it has not read are closed with this, and fail; its forks can still answer.
  found->control.reset();
  found->pid = 0;
  found->why = Warm::no_fork;
  return true;
}

bool Interpreters::owns(pid_t pid, pid_t session) const {
  const auto is = [&](pid_t interpreter) {
    return interpreter != 0 && (interpreter == pid || interpreter == session);
  };
  return std::ranges::any_of(ending_, is) || std::ranges::any_of(running_, is, &Running::pid);
}

std::optional<std::chrono::nanoseconds> Interpreters::tick() {
  if (running_.empty()) return std::nullopt;
  const auto now = clock_.steady();
  std::vector<std::string> late;
  for (const auto& [fence, question] : questions_)
    if (question.due <= now) late.push_back(fence);
  for (const auto& fence : late) {
    // It may hang in an import: the next ones that ask do not wait for it too.
    if (const auto found = questions_.find(fence); found != questions_.end()) {
      found->second.of->why = Warm::no_fork;
      stop(*found->second.of);
    }
    fail(fence, Warm::no_fork);
  }
  auto next = Steady::max();
  for (const auto& [fence, question] : questions_) next = std::min(next, question.due);
  for (auto one = running_.begin(); one != running_.end();) {
    const auto end = one->used + interpreter_idle_max;
    if (one->asked == 0 && end <= now) {
      stop(*one);
      one = running_.erase(one);
      continue;
    }
    if (one->asked == 0) next = std::min<Steady>(next, end);
    ++one;
  }
  if (next == Steady::max()) return std::nullopt;
  return next;
}

}  // namespace sluice::supervisor
