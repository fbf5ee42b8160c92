#include "sluice/runtimes/hosted/hosted_runtime.hpp"

#include <atomic>
#include <csignal>
#include <future>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include <fmt/format.h>

#include "sluice/base/log.hpp"
#include "sluice/ipc/host/channel.hpp"
#include "sluice/ipc/host/message.hpp"
#include "sluice/os/process.hpp"
#include "sluice/os/socket.hpp"

namespace sluice::runtimes {
namespace {

namespace protocol = host::protocol;
using namespace std::chrono_literals;

constexpr int host_connection = 3;
constexpr auto patience = 2s;  // for a host to end by itself once its connection is closed

/// What the owner of a host and the thread that watches it share.
struct Connection {
  explicit Connection(os::UniqueFd socket) : channel(std::move(socket)) {}

  struct Call {
    std::string method;
    ports::HostDone done;
  };

  protocol::Channel channel;
  std::atomic<int> pid = 0;
  std::atomic<bool> died = false;
  std::mutex mutex;  ///< what follows
  std::int64_t next_id = 1;
  std::map<std::int64_t, Call> open;
  bool let_go = false;  ///< by its last owner: the end is wanted
};

std::string how_it_ended(const std::optional<os::Exit>& exit) {
  if (!exit) return "its connection broke";
  if (exit->signal != 0) return fmt::format("signal {}", exit->signal);
  return fmt::format("exit status {}", exit->status);
}

Error gone(std::string_view method, std::string_view how) {
  return environment_error(
      Code::unavailable,
      fmt::format("the model host ended ({}) before it answered `{}`; try again, and a new one starts", how,
                  method));
}

std::optional<Connection::Call> take_call(Connection& connection, std::int64_t id) {
  const std::lock_guard lock(connection.mutex);
  const auto found = connection.open.find(id);
  if (found == connection.open.end()) return std::nullopt;
  auto call = std::move(found->second);
  connection.open.erase(found);
  return call;
}

/// Gives answers out until the connection ends.
void read_answers(Connection& connection) {
  for (;;) {
    auto frame = connection.channel.read();
    if (!frame) {
      if (frame.error().code != Code::unavailable)
        log::error(fmt::format("model host {}: {}", connection.pid.load(), frame.error().message));
      return;
    }
    auto answer = protocol::answer_from(frame->json);
    if (!answer) {
      log::error(fmt::format("model host {}: {}", connection.pid.load(), answer.error().message));
      return;
    }
    auto call = take_call(connection, answer->id);
    if (!call) continue;
    if (answer->outcome)
      call->done(
          ports::HostReply{.result = std::move(*answer->outcome), .payload = std::move(frame->payload)});
    else
      call->done(Fail(std::move(answer->outcome).error()));
  }
}

/// Reaps the host; one that does not end is killed.
std::optional<os::Exit> await_end(os::Process& process) {
  auto exit = process.wait_for(patience);
  if (exit && *exit) return *exit;
  process.signal(SIGKILL);
  auto killed = process.wait();
  return killed ? std::optional(*killed) : std::nullopt;
}

void fail_open_calls(Connection& connection, const std::string& how) {
  std::map<std::int64_t, Connection::Call> open;
  {
    const std::lock_guard lock(connection.mutex);
    connection.died = true;
    open.swap(connection.open);
  }
  for (auto& [id, call] : open) call.done(Fail(gone(call.method, how)));
}

/// The life of one host. It is spawned here, on the thread that stays with it: a host asks the kernel to be
/// killed when its parent *thread* ends, so no passing thread may be its parent.
void watch(const std::shared_ptr<Connection>& connection, const std::filesystem::path& program,
           os::UniqueFd theirs, std::promise<Result<void>> started) {
  auto process = os::spawn(
      {.program = program, .argv = {program.filename().string()}, .fds = {{theirs.get(), host_connection}}});
  theirs.reset();
  if (!process) {
    started.set_value(Fail(std::move(process).error()));
    return;
  }
  connection->pid = process->pid();
  started.set_value({});
  read_answers(*connection);
  // Whoever asks from now on hears of it at once; why it ended is told to those who wait already.
  connection->died = true;
  connection->channel.close();
  const auto exit = await_end(*process);
  bool wanted = false;
  {
    const std::lock_guard lock(connection->mutex);
    wanted = connection->let_go;
  }
  if (!wanted) log::warning(fmt::format("model host {} ended: {}", process->pid(), how_it_ended(exit)));
  fail_open_calls(*connection, how_it_ended(exit));
}

class HostedModel final : public ports::ModelHost {
 public:
  HostedModel(std::shared_ptr<Connection> connection, std::thread watcher)
      : connection_(std::move(connection)), watcher_(std::move(watcher)) {}

  ~HostedModel() override {
    {
      const std::lock_guard lock(connection_->mutex);
      connection_->let_go = true;
    }
    connection_->channel.close();
    // Let go of by an answer: the watcher cannot wait for itself.
    if (watcher_.get_id() == std::this_thread::get_id())
      watcher_.detach();
    else
      watcher_.join();
  }
  HostedModel(const HostedModel&) = delete;
  HostedModel& operator=(const HostedModel&) = delete;

  void call(std::string method, Value params, std::string payload, ports::HostDone done) override {
    std::int64_t id = 0;
    {
      std::unique_lock lock(connection_->mutex);
      if (connection_->died) {
        lock.unlock();
        return done(Fail(gone(method, "earlier")));
      }
      id = connection_->next_id++;
      connection_->open.emplace(id, Connection::Call{.method = method, .done = std::move(done)});
    }
    const auto written =
        connection_->channel.write(protocol::to_value(protocol::Request{
                                       .id = id, .method = std::move(method), .params = std::move(params)}),
                                   payload);
    if (written) return;
    // A request that is too long never left; where the host is gone, the watcher tells why.
    if (written.error().code == Code::too_large) {
      if (auto call = take_call(*connection_, id)) call->done(Fail(written.error()));
    }
  }

  [[nodiscard]] bool died() const override { return connection_->died; }
  [[nodiscard]] int pid() const override { return connection_->pid; }

 private:
  std::shared_ptr<Connection> connection_;
  std::thread watcher_;
};

}  // namespace

Result<std::shared_ptr<ports::ModelHost>> HostedRuntime::start_host() {
  std::error_code missing;
  if (!std::filesystem::is_regular_file(program_, missing))
    return Fail(environment_error(
        Code::not_found,
        fmt::format("{}: no such program; it is installed beside sluice, and models run in it",
                    program_.string())));
  SLUICE_TRY(sockets, os::socket_pair());
  auto connection = std::make_shared<Connection>(std::move(sockets.first));
  std::promise<Result<void>> promise;
  auto started = promise.get_future();
  std::thread watcher(watch, connection, program_, std::move(sockets.second), std::move(promise));
  if (auto outcome = started.get(); !outcome) {
    watcher.join();
    return Fail(std::move(outcome).error());
  }
  return std::make_shared<HostedModel>(std::move(connection), std::move(watcher));
}

}  // namespace sluice::runtimes
