#include "sluice/executors/process/supervisor_link.hpp"

#include <array>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <unordered_set>

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sluice/base/log.hpp"
#include "sluice/os/files.hpp"
#include "sluice/os/process.hpp"
#include "sluice/os/socket.hpp"
#include "sluice/supervisor/protocol/codec.hpp"

namespace sluice::executors {

using namespace std::chrono_literals;

struct SupervisorLink::Impl {
  Impl(std::filesystem::path d, std::filesystem::path p, Events e)
      : data(std::move(d)), program(std::move(p)), events(std::move(e)) {}

  std::filesystem::path data;
  std::filesystem::path program;
  Events events;

  std::mutex mutex;
  std::condition_variable changed;
  os::UniqueFd socket;  ///< none: not connected
  bool ready = false;   ///< what the supervisor holds is known
  bool closing = false;
  std::unordered_set<std::string> running;                  ///< as the supervisor told
  std::unordered_map<std::string, supervisor::Start> ours;  ///< asked for and not ended
  std::thread reader;

  /// Under the mutex. Connects, or starts a supervisor and connects.
  Result<void> connect() {
    const auto path = data / "supervisor.sock";
    auto fd = os::connect_unix(path);
    for (int attempt = 0; !fd && attempt < 3; ++attempt) {
      SLUICE_DO(start_supervisor());
      for (int wait = 0; wait < 200 && !(fd = os::connect_unix(path)); ++wait)
        std::this_thread::sleep_for(10ms);
    }
    if (!fd) return Fail(std::move(fd).error().at("no supervisor answers in " + data.string()));
    socket = std::move(*fd);
    ready = false;
    running.clear();
    SLUICE_DO(send(supervisor::Hello{}));
    SLUICE_DO(send(supervisor::List{.since = 0, .follow = true}));
    for (const auto& [fence, start] : ours) SLUICE_DO(send(start));
    return {};
  }

  Result<void> start_supervisor() {
    SLUICE_TRY(
        process,
        os::spawn({.program = program, .argv = {program.string(), data.string()}, .new_session = true}));
    SLUICE_TRY(exit, process.wait());  // it goes into the background once it listens
    if (!exit.succeeded())
      return Fail(environment_error(
          Code::unavailable,
          fmt::format("{} {} ended with status {}", program.string(), data.string(), exit.status)));
    return {};
  }

  Result<void> send(const supervisor::Request& request) {
    const auto frame = supervisor::encode(request);
    if (!supervisor::fits(frame))
      return Fail(user_error(Code::too_large, "arguments and environment of a task take more than 4 MiB"));
    return os::write_all(socket.get(), frame);
  }

  Result<void> ensure(std::unique_lock<std::mutex>& lock) {
    if (!socket) {
      SLUICE_DO(connect());
    }
    if (!reader.joinable()) reader = std::thread([this] { read(); });
    changed.notify_all();
    changed.wait(lock, [&] { return ready || closing || !socket; });
    if (!ready) return Fail(environment_error(Code::unavailable, "the supervisor went away"));
    return {};
  }

  /// The reader's thread: answers, and new connections where one is lost while something is under way.
  void read() {
    supervisor::FrameReader frames;
    std::array<char, 65536> buffer{};
    int fd = -1;
    for (;;) {
      {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return closing || socket; });
        if (closing) return;
        fd = socket.get();
      }
      const auto n = ::recv(fd, buffer.data(), buffer.size(), 0);
      if (n < 0 && errno == EINTR) continue;
      bool lost = n <= 0;
      if (!lost) {
        frames.feed({buffer.data(), static_cast<std::size_t>(n)});
        lost = !take(frames);
      }
      if (lost) {
        frames = {};
        if (!reconnect()) return;
      }
    }
  }

  bool take(supervisor::FrameReader& frames) {
    for (;;) {
      const auto frame = frames.next();
      if (!frame) return false;
      if (!*frame) return true;
      auto answer = supervisor::decode_answer(**frame);
      if (!answer) return false;
      std::visit([&](auto& specific) { on(specific); }, *answer);
    }
  }

  bool reconnect() {
    std::unique_lock lock(mutex);
    socket.reset();
    ready = false;
    changed.notify_all();
    if (closing) return false;
    if (ours.empty()) return true;  // the next start makes a connection
    if (const auto connected = connect(); !connected) {
      log::error(connected.error().message);
      socket.reset();
      lock.unlock();
      std::this_thread::sleep_for(500ms);
    }
    return true;
  }

  void on(const supervisor::Welcome&) {}
  void on(const supervisor::Goodbye&) {}
  void on(const supervisor::Started& started) {
    const std::lock_guard lock(mutex);
    running.insert(started.fence);
  }
  void on(const supervisor::MountsRefused& refused) {
    {
      const std::lock_guard lock(mutex);
      ours.erase(refused.fence);
    }
    events.mounts_refused(refused);
  }
  void on(const supervisor::Ended& ended) {
    {
      const std::lock_guard lock(mutex);
      running.erase(ended.fence);
      ours.erase(ended.fence);
    }
    events.ended(ended);
  }
  void on(const supervisor::Holding& holding) {
    const std::lock_guard lock(mutex);
    running.insert(holding.running.begin(), holding.running.end());
    ready = true;
    changed.notify_all();
  }
};

SupervisorLink::SupervisorLink(std::filesystem::path data, std::filesystem::path program, Events events)
    : impl_(std::make_unique<Impl>(std::move(data), std::move(program), std::move(events))) {}

SupervisorLink::~SupervisorLink() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->closing = true;
    if (impl_->socket) ::shutdown(impl_->socket.get(), SHUT_RDWR);
  }
  impl_->changed.notify_all();
  if (impl_->reader.joinable()) impl_->reader.join();
}

Result<bool> SupervisorLink::holds(const std::string& fence) {
  std::unique_lock lock(impl_->mutex);
  SLUICE_DO(impl_->ensure(lock));
  return impl_->running.contains(fence);
}

Result<void> SupervisorLink::start(supervisor::Start start) {
  std::unique_lock lock(impl_->mutex);
  SLUICE_DO(impl_->ensure(lock));
  const auto fence = start.fence;
  const auto [there, fresh] = impl_->ours.insert_or_assign(fence, std::move(start));
  if (auto sent = impl_->send(there->second); !sent) {
    // A lost connection is made anew by the reader, which sends this again; what cannot be sent at all fails
    // here.
    if (sent.error().blame == Blame::user) {
      impl_->ours.erase(fence);
      return sent;
    }
  }
  return {};
}

void SupervisorLink::cancel(const std::string& fence, std::chrono::milliseconds grace) {
  const std::lock_guard lock(impl_->mutex);
  if (impl_->socket)
    static_cast<void>(impl_->send(
        supervisor::Cancel{.fence = fence, .grace_ms = static_cast<std::uint32_t>(grace.count())}));
}

void SupervisorLink::acknowledge(const std::string& fence) {
  const std::lock_guard lock(impl_->mutex);
  if (impl_->socket) static_cast<void>(impl_->send(supervisor::Acknowledge{.fences = {fence}}));
}

}  // namespace sluice::executors
