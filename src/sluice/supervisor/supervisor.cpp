#include "sluice/supervisor/supervisor.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sluice/os/socket.hpp"
#include "sluice/os/tree.hpp"
#include "sluice/supervisor/recovery.hpp"

namespace sluice::supervisor {
namespace {

using namespace std::chrono_literals;

constexpr auto idle_max = 10s;
constexpr std::size_t connections_max = 64;

/// The same name for the same data folder, whatever path leads to it.
std::string group_name(const std::filesystem::path& data) {
  struct stat info{};
  if (stat(data.c_str(), &info) != 0) return "sluice";
  return "sluice-" + std::to_string(info.st_dev) + "-" + std::to_string(info.st_ino);
}

bool has_no_nul(const std::string& text) { return text.find('\0') == std::string::npos; }
bool has_no_nul(const std::vector<std::string>& texts) {
  return std::ranges::all_of(texts, [](const auto& text) { return has_no_nul(text); });
}
bool has_no_nul(const std::vector<Mount>& mounts) {
  return mounts.size() <= mounts_max && std::ranges::all_of(mounts, [](const Mount& m) {
           return has_no_nul(m.source) && has_no_nul(m.target);
         });
}

/// Whether the message is one that a correct server can send.
bool is_valid(const Start& start) {
  return !start.fence.empty() && start.fence.size() <= fence_bytes_max && has_no_nul(start.fence) &&
         has_no_nul(start.program) && !start.argv.empty() && has_no_nul(start.argv) &&
         has_no_nul(start.env) && has_no_nul(start.cwd) && has_no_nul(start.log) &&
         has_no_nul(start.mounts) &&
         (!start.branch || (!start.branch->of.argv.empty() && has_no_nul(start.branch->of.argv) &&
                            has_no_nul(start.branch->of.env) && has_no_nul(start.branch->of.mounts) &&
                            has_no_nul(start.branch->env) && has_no_nul(start.branch->modules)));
}

}  // namespace

Result<std::unique_ptr<Supervisor>> Supervisor::open(const std::filesystem::path& data, const Clock& clock,
                                                     Use use) {
  SLUICE_TRY(log, AttemptLog::open(data / "supervisor.log", os::boot_id()));
  end_lost_attempts(log, clock);
  const auto socket = data / "supervisor.sock";
  SLUICE_TRY(listener, os::listen_unix(socket, 0600));
  SLUICE_DO(os::set_nonblocking(listener.get()));
  std::unique_ptr<Supervisor> made(new Supervisor(socket, clock, std::move(log), std::move(listener)));

  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  sigaddset(&set, SIGTERM);
  if (sigprocmask(SIG_BLOCK, &set, nullptr) != 0) return Fail(system_error("block signals", errno));
  made->signals_.reset(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  made->epoll_.reset(epoll_create1(EPOLL_CLOEXEC));
  if (!made->signals_ || !made->epoll_) return Fail(system_error("wait for signals", errno));
  made->watch(made->listener_.get(), EPOLLIN, true);
  made->watch(made->signals_.get(), EPOLLIN, true);

  auto* self = made.get();
  const auto name = group_name(data);
  Attempts::Groups groups;
  if (use.cgroups) groups.parent = os::CgroupParent::make(name, use.memory_cgroups);
  if (use.memory_cgroups && !(groups.parent && groups.parent->limits_memory()))
    groups.memory = os::MemoryGroups::make(name);
  made->attempts_ = std::make_unique<Attempts>(
      made->log_, clock, std::move(groups), [self](const Ended& ended) { self->broadcast(ended, true); },
      [self](const MountsRefused& refused) { self->broadcast(refused, false); });
  made->watch(made->attempts_->interpreters(), EPOLLIN, true);
  return made;
}

Supervisor::Supervisor(std::filesystem::path socket, const Clock& clock, AttemptLog log,
                       os::UniqueFd listener)
    : socket_(std::move(socket)),
      clock_(clock),
      log_(std::move(log)),
      listener_(std::move(listener)),
      last_use_(clock.steady()) {}

Supervisor::~Supervisor() = default;

void Supervisor::run() {
  std::array<epoll_event, 64> events;
  while (!ending_ || attempts_->running() > 0) {
    const auto wait = attempts_->tick();
    if (!ending_ && idle_long_enough()) break;
    std::chrono::milliseconds timeout = wait ? std::chrono::ceil<std::chrono::milliseconds>(*wait) : 1h;
    if (attempts_->running() == 0 && connections_.empty())
      timeout = std::min<std::chrono::milliseconds>(timeout, 1s);
    const int n = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()),
                             static_cast<int>(timeout.count()));
    for (int i = 0; i < n; ++i) {
      const auto& event = events[static_cast<std::size_t>(i)];
      if (event.data.fd == signals_.get())
        handle_signals();
      else if (event.data.fd == listener_.get())
        accept_all();
      else if (event.data.fd == attempts_->interpreters())
        attempts_->handle_interpreters();
      else
        serve(event.data.fd, event.events);
    }
  }
  // A server that connects from now on finds no socket, and starts another supervisor: the lock is released
  // when the process ends.
  unlink(socket_.c_str());
}

bool Supervisor::idle_long_enough() const {
  return attempts_->running() == 0 && connections_.empty() && clock_.steady() - last_use_ >= idle_max;
}

void Supervisor::watch(int fd, std::uint32_t events, bool added) {
  epoll_event event{.events = events, .data = {.fd = fd}};
  epoll_ctl(epoll_.get(), added ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &event);
}

void Supervisor::handle_signals() {
  signalfd_siginfo info{};
  while (read(signals_.get(), &info, sizeof info) == sizeof info) {
    if (info.ssi_signo != SIGTERM) continue;
    ending_ = true;
    attempts_->kill_all();
  }
  attempts_->reap();
  last_use_ = clock_.steady();
}

void Supervisor::accept_all() {
  for (;;) {
    os::UniqueFd fd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd) return;
    // The socket's mode already excludes other users, if the file system supports modes.
    const auto user = os::peer_user(fd.get());
    if (!user || (*user != geteuid() && *user != 0) || connections_.size() >= connections_max) continue;
    const int number = fd.get();
    watch(number, EPOLLIN, true);
    connections_.emplace(number, std::make_unique<Connection>(std::move(fd)));
  }
}

void Supervisor::close(int fd) {
  connections_.erase(fd);  // which closes it, and removes it from epoll
  last_use_ = clock_.steady();
}

void Supervisor::serve(int fd, std::uint32_t events) {
  const auto found = connections_.find(fd);
  if (found == connections_.end()) return;  // closed by an event before this one
  auto& connection = *found->second;
  if ((events & EPOLLOUT) != 0 && !connection.flush()) return close(fd);
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
    const bool open = connection.receive();
    for (;;) {
      auto request = connection.next();
      if (!request) return close(fd);
      if (!*request) break;
      if (!handle(connection, **request)) return close(fd);
    }
    if (!open) return close(fd);
  }
  watch(fd, connection.waits_to_send() ? EPOLLIN | EPOLLOUT : EPOLLIN, false);
}

bool Supervisor::handle(Connection& connection, const Request& request) {
  if (std::holds_alternative<Hello>(request)) {
    connection.greeted = true;
    return connection.send(
        Welcome{.pid = static_cast<std::uint32_t>(getpid()), .cgroups = attempts_->cgroups()});
  }
  if (!connection.greeted) return false;
  if (const auto* what = std::get_if<Start>(&request)) return start(connection, *what);
  if (const auto* what = std::get_if<List>(&request)) return list(connection, *what);
  if (const auto* what = std::get_if<Shutdown>(&request)) return shut_down(connection, *what);
  if (const auto* what = std::get_if<Cancel>(&request))
    attempts_->cancel(what->fence, std::chrono::milliseconds(what->grace_ms));
  if (const auto* what = std::get_if<Acknowledge>(&request))
    for (const auto& fence : what->fences) log_.forget(fence);
  return true;
}

bool Supervisor::start(Connection& connection, const Start& what) {
  return is_valid(what) && !ending_ && connection.send(attempts_->start(what));
}

bool Supervisor::list(Connection& connection, const List& what) {
  if (what.follow) replace_follower(connection);
  for (auto it = log_.ends().upper_bound(what.since); it != log_.ends().end(); ++it)
    if (!connection.send(it->second)) return false;
  Holding holding{.last = log_.last_number()};
  for (const auto& [fence, begun] : log_.begun()) holding.running.push_back(fence);
  connection.follows = connection.follows || what.follow;
  return connection.send(holding);
}

/// Requests of a dead server that have not been read yet must not be carried out once the next one is
/// connected: that one receives the list of what is running, and prepares sandboxes for what is not.
void Supervisor::replace_follower(const Connection& connection) {
  std::vector<int> before;
  for (const auto& [fd, other] : connections_)
    if (other->follows && other.get() != &connection) before.push_back(fd);
  for (const int fd : before) close(fd);
}

bool Supervisor::shut_down(Connection& connection, const Shutdown& shutdown) {
  const auto running = static_cast<std::uint32_t>(attempts_->running());
  const bool ends = running == 0 || shutdown.force;
  if (ends) {
    ending_ = true;
    attempts_->kill_all();
  }
  return connection.send(Goodbye{.ending = ends, .running = running});
}

void Supervisor::broadcast(const Response& response, bool followers_only) {
  std::vector<int> gone;
  for (auto& [fd, connection] : connections_) {
    if (followers_only ? !connection->follows : !connection->greeted) continue;
    if (!connection->send(response))
      gone.push_back(fd);
    else if (connection->waits_to_send())
      watch(fd, EPOLLIN | EPOLLOUT, false);
  }
  for (const int fd : gone) close(fd);
}

}  // namespace sluice::supervisor
