#include "sluice/executors/process/supervisor_link.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <csignal>
#include <iterator>
#include <mutex>
#include <thread>
#include <unordered_map>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sluice/base/log.hpp"
#include "sluice/ipc/supervisor/codec.hpp"
#include "sluice/os/files.hpp"
#include "sluice/os/process.hpp"
#include "sluice/os/socket.hpp"

namespace sluice::executors {
namespace {

using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;

constexpr int tries_max = 20;  // to connect, before giving up
constexpr auto retry_interval = 50ms;
constexpr auto receive_interval = 100ms;
constexpr std::size_t output_bytes_max = 4096;
constexpr std::size_t acknowledged_at_once = supervisor::frame_bytes_max / (2 * supervisor::fence_bytes_max);

/// Sends a request; Code::too_large if it does not fit into a frame.
Result<void> send_to(int fd, const supervisor::Request& request) {
  const auto frame = supervisor::encode(request);
  if (!supervisor::fits(frame))
    return Fail(
        user_error(Code::too_large,
                   "the arguments and the environment take more than 4 MiB; pass large values as artifacts"));
  return os::write_all(fd, frame);
}

/// Waits for the next response. If receiving has a time-out, only as long as `waits`, called after each,
/// returns true.
template <typename Waits>
Result<supervisor::Response> receive_from(int fd, supervisor::FrameReader& frames, const Waits& waits) {
  std::array<char, 65536> buffer;
  for (;;) {
    SLUICE_TRY(frame, frames.next());
    if (frame) return supervisor::decode_response(*frame);
    const ssize_t n = recv(fd, buffer.data(), buffer.size(), 0);
    const bool interrupted = n < 0 && (errno == EINTR || errno == EAGAIN);
    if (interrupted ? !waits() : n <= 0)
      return Fail(environment_error(Code::unavailable, "no response from the supervisor"));
    if (interrupted) continue;
    frames.feed({buffer.data(), static_cast<std::size_t>(n)});
  }
}

supervisor::Cancel cancel_of(const std::string& fence, std::chrono::milliseconds grace) {
  return {.fence = fence, .grace_ms = static_cast<std::uint32_t>(grace.count())};
}

/// `option`: SO_SNDTIMEO or SO_RCVTIMEO. Zero: no time-out.
void set_timeout(int fd, int option, std::chrono::milliseconds timeout) {
  const timeval time{.tv_sec = timeout.count() / 1000, .tv_usec = timeout.count() % 1000 * 1000};
  setsockopt(fd, SOL_SOCKET, option, &time, sizeof time);
}

}  // namespace

struct SupervisorLink::Impl {
  Impl(std::filesystem::path d, std::filesystem::path p, Events e, std::chrono::milliseconds m)
      : data(std::move(d)), program(std::move(p)), events(std::move(e)), response_max(m) {}

  const std::filesystem::path data;
  const std::filesystem::path program;
  const Events events;
  const std::chrono::milliseconds response_max;

  mutable std::mutex mutex;
  std::condition_variable changed;
  os::UniqueFd socket;  ///< none: not connected
  bool ready = false;   ///< the response to List has been received
  std::atomic<bool> closing = false;
  /// As reported by the supervisor; after its death, kept until the next one has reported.
  std::unordered_set<std::string> running;
  std::unordered_map<std::string, supervisor::Start> unanswered;
  std::unordered_map<std::string, std::chrono::milliseconds> cancels;  ///< grace; until they have ended
  std::thread reader;

  // All with the mutex held, unless stated otherwise.

  /// A connection on which Hello has been answered and the open requests have been sent; starts a supervisor
  /// if necessary.
  Result<os::UniqueFd> open_connection() {
    Error last = environment_error(Code::unavailable, "no supervisor responds in " + data.string());
    const auto deadline = Steady::now() + response_max;
    for (int attempt = 0; attempt < tries_max && !closing && Steady::now() < deadline; ++attempt) {
      if (attempt > 0) std::this_thread::sleep_for(retry_interval);
      auto fd = os::connect_unix(data / "supervisor.sock");
      if (!fd) {
        SLUICE_DO(start_supervisor());
        fd = os::connect_unix(data / "supervisor.sock");
      }
      // A supervisor that is just exiting may accept the connection and close it: another is started then.
      auto greeted = fd ? greet(fd->get(), deadline) : Result<bool>(Fail(fd.error()));
      if (greeted && *greeted) {
        auto resent = resend(fd->get());
        if (resent) return fd;
        greeted = Fail(std::move(resent).error());
      }
      if (!greeted) last = std::move(greeted).error();
    }
    return Fail(std::move(last));
  }

  /// False: it has another version, and has been shut down.
  Result<bool> greet(int fd, Steady::time_point deadline) const {
    supervisor::FrameReader frames;
    const auto waits = [&] { return !closing && Steady::now() < deadline; };
    set_timeout(fd, SO_SNDTIMEO, response_max);  // one that is stopped reads nothing
    set_timeout(fd, SO_RCVTIMEO, receive_interval);
    SLUICE_DO(send_to(fd, supervisor::Hello{}));
    SLUICE_TRY(answer, receive_from(fd, frames, waits));
    const auto* welcome = std::get_if<supervisor::Welcome>(&answer);
    if (welcome == nullptr)
      return Fail(environment_error(Code::unavailable, "unexpected response from the supervisor"));
    if (welcome->version == supervisor::protocol_version) {
      set_timeout(fd, SO_RCVTIMEO, 0ms);
      return true;
    }
    SLUICE_DO(send_to(fd, supervisor::Shutdown{}));
    SLUICE_TRY(last_response, receive_from(fd, frames, waits));
    const auto* goodbye = std::get_if<supervisor::Goodbye>(&last_response);
    if (goodbye != nullptr && goodbye->ending) return false;
    return Fail(environment_error(Code::failed_precondition,
                                  fmt::format("tasks of another version of sluice are still running "
                                              "(supervisor with protocol {}, pid {}); wait until they have "
                                              "ended, or stop that process",
                                              welcome->version, welcome->pid)));
  }

  Result<void> start_supervisor() const {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return Fail(system_error("make a pipe", errno));
    const os::UniqueFd read_end(ends[0]);
    os::UniqueFd write_end(ends[1]);
    SLUICE_TRY(process, os::spawn({.program = program,
                                   .argv = {program.string(), data.string()},
                                   .fds = {{write_end.get(), 1}, {write_end.get(), 2}},
                                   .new_session = true}));
    write_end.reset();
    SLUICE_TRY(ended, process.wait_for(response_max));  // it exits once its daemon listens
    if (!ended) {
      process.signal(SIGKILL);
      SLUICE_DO(process.wait());
      return Fail(
          environment_error(Code::unavailable,
                            fmt::format("the supervisor cannot start: {} has not become ready within {} s",
                                        program.string(), static_cast<double>(response_max.count()) / 1000)));
    }
    const auto& exit = *ended;
    auto output = os::read_all(read_end.get(), output_bytes_max);
    if (exit.succeeded()) return {};
    auto why = output ? std::move(*output) : std::string();
    while (!why.empty() && why.back() == '\n') why.pop_back();
    return Fail(environment_error(
        Code::unavailable,
        fmt::format(
            "the supervisor cannot start: {}",
            why.empty() ? fmt::format("{} ended with status {}", program.string(), exit.status) : why)));
  }

  /// Sends again what may have been lost with a connection: all of it is safe to repeat.
  Result<void> resend(int fd) const {
    SLUICE_DO(send_to(fd, supervisor::List{.since = 0, .follow = true}));
    for (const auto& [fence, start] : unanswered) SLUICE_DO(send_to(fd, start));
    for (const auto& [fence, grace] : cancels) SLUICE_DO(send_to(fd, cancel_of(fence, grace)));
    return {};
  }

  Result<void> connect() {
    SLUICE_TRY(fd, open_connection());
    socket = std::move(fd);
    ready = false;
    if (!reader.joinable() && !closing) reader = std::thread([this] { read(); });
    changed.notify_all();
    return {};
  }

  /// Returns once it is connected and what the supervisor holds is known.
  Result<void> wait_until_ready(std::unique_lock<std::mutex>& lock) {
    // A supervisor may exit between the connection and its response: then this tries again.
    for (int attempt = 0; attempt < tries_max && !closing; ++attempt) {
      if (!socket) {
        SLUICE_DO(connect());
      }
      if (!changed.wait_for(lock, response_max, [&] { return ready || closing || !socket; })) {
        ::shutdown(socket.get(), SHUT_RDWR);  // the reader connects again
        return Fail(environment_error(
            Code::unavailable, fmt::format("the supervisor of {} has not responded for {} s", data.string(),
                                           static_cast<double>(response_max.count()) / 1000)));
      }
      if (ready) return {};
    }
    return Fail(environment_error(
        Code::unavailable, "the supervisor of " + data.string() + " exits as soon as it is contacted"));
  }

  /// A failed write is not handled here: the reader sees the end of the connection, and reconnects.
  void send(const supervisor::Request& request) const {
    if (socket) static_cast<void>(send_to(socket.get(), request));
  }

  // The reader's thread, without the mutex.

  void read() {
    for (;;) {
      int fd = -1;
      {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return closing || socket; });
        if (closing) return;
        fd = socket.get();
      }
      supervisor::FrameReader frames;
      for (;;) {
        auto answer = receive_from(fd, frames, [] { return true; });
        if (!answer) break;
        std::visit([&](const auto& specific) { on(specific); }, *answer);
      }
      reconnect();
    }
  }

  void reconnect() {
    std::unique_lock lock(mutex);
    socket.reset();
    ready = false;
    const bool wanted = !closing && (!unanswered.empty() || !running.empty());
    if (!wanted) {
      changed.notify_all();
      return;  // the next call that needs a supervisor connects
    }
    log::warning("lost the connection to the supervisor of " + data.string() + "; reconnecting");
    const auto connected = connect();
    changed.notify_all();
    if (connected || closing) return;
    log::error(connected.error().message);
    auto gone = std::exchange(running, {});
    for (const auto& [fence, start] : std::exchange(unanswered, {})) gone.insert(fence);
    cancels.clear();
    lock.unlock();
    for (const auto& fence : gone)
      events.lost(fence, "its supervisor died, and no other could be started: " + connected.error().message);
  }

  void on(const supervisor::Welcome&) {}
  void on(const supervisor::Goodbye&) {}
  void on(const supervisor::Started& started) {
    const std::lock_guard lock(mutex);
    unanswered.erase(started.fence);
    running.insert(started.fence);
  }
  void on(const supervisor::MountsRefused& refused) {
    {
      const std::lock_guard lock(mutex);
      forget(refused.fence);
    }
    events.mounts_refused(refused);
  }
  void on(const supervisor::Ended& ended) {
    // Reported first: a caller that then finds that it is not running knows why.
    events.ended(ended);
    const std::lock_guard lock(mutex);
    forget(ended.fence);
  }
  void on(const supervisor::Holding& holding) {
    const std::unordered_set<std::string> held(holding.running.begin(), holding.running.end());
    std::vector<std::string> gone;
    {
      const std::lock_guard lock(mutex);
      for (const auto& fence : running)
        if (!held.contains(fence)) gone.push_back(fence);
    }
    // Reported first, as an end is. The supervisor sent its ends before this response, so it has no record of
    // these.
    for (const auto& fence : gone)
      events.lost(fence, "its supervisor died, and the next one has no record of it");
    const std::lock_guard lock(mutex);
    for (const auto& fence : gone) cancels.erase(fence);
    running = held;
    ready = true;
    changed.notify_all();
  }
  /// With the mutex held: it is not running.
  void forget(const std::string& fence) {
    unanswered.erase(fence);
    running.erase(fence);
    cancels.erase(fence);
  }
};

SupervisorLink::SupervisorLink(std::filesystem::path data, std::filesystem::path program, Events events,
                               std::chrono::milliseconds response_max)
    : impl_(std::make_unique<Impl>(std::move(data), std::move(program), std::move(events), response_max)) {}

SupervisorLink::~SupervisorLink() { close(); }

void SupervisorLink::close() {
  impl_->closing = true;  // first: who connects holds the mutex for as long as that takes
  {
    const std::lock_guard lock(impl_->mutex);
    if (impl_->socket) ::shutdown(impl_->socket.get(), SHUT_RDWR);
  }
  impl_->changed.notify_all();
  if (impl_->reader.joinable()) impl_->reader.join();
}

Result<bool> SupervisorLink::runs(const std::string& fence) {
  std::unique_lock lock(impl_->mutex);
  SLUICE_DO(impl_->wait_until_ready(lock));
  return impl_->running.contains(fence);
}

Result<std::unordered_set<std::string>> SupervisorLink::running() {
  std::unique_lock lock(impl_->mutex);
  SLUICE_DO(impl_->wait_until_ready(lock));
  return impl_->running;
}

Result<void> SupervisorLink::start(supervisor::Start start) {
  const auto frame = supervisor::encode(start);
  if (!supervisor::fits(frame))
    return Fail(
        user_error(Code::too_large,
                   "the arguments and the environment take more than 4 MiB; pass large values as artifacts"));
  std::unique_lock lock(impl_->mutex);
  const auto fence = start.fence;
  impl_->unanswered.insert_or_assign(fence, std::move(start));
  if (impl_->socket) {
    static_cast<void>(os::write_all(impl_->socket.get(), frame));
    if (const auto cancel = impl_->cancels.find(fence); cancel != impl_->cancels.end())
      impl_->send(cancel_of(fence, cancel->second));
    return {};
  }
  // `connect` sends what is unanswered.
  auto connected = impl_->connect();
  if (!connected) impl_->unanswered.erase(fence);
  return connected;
}

void SupervisorLink::cancel(const std::string& fence, std::chrono::milliseconds grace) {
  const std::lock_guard lock(impl_->mutex);
  impl_->cancels.insert_or_assign(fence, grace);
  impl_->send(cancel_of(fence, grace));
}

void SupervisorLink::acknowledge(std::vector<std::string> fences) {
  const std::lock_guard lock(impl_->mutex);
  for (const auto& fence : fences) impl_->cancels.erase(fence);  // a Cancel that came after the end
  // As many as a message can hold, whatever their length.
  for (std::size_t begin = 0; begin < fences.size(); begin += acknowledged_at_once) {
    const auto end = std::min(begin + acknowledged_at_once, fences.size());
    impl_->send(supervisor::Acknowledge{
        .fences = {std::make_move_iterator(fences.begin() + static_cast<std::ptrdiff_t>(begin)),
                   std::make_move_iterator(fences.begin() + static_cast<std::ptrdiff_t>(end))}});
  }
}

}  // namespace sluice::executors
