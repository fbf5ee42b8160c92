#include "sluice/runtimes/hosted/hosted_runtime.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <future>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "sluice/base/log.hpp"
#include "sluice/ipc/host/channel.hpp"
#include "sluice/ipc/host/message.hpp"
#include "sluice/os/process.hpp"
#include "sluice/os/socket.hpp"
#include "sluice/runtimes/hosted/compiled_network.hpp"
#include "sluice/runtimes/hosted/host_output.hpp"

namespace sluice::runtimes {
namespace {

namespace protocol = host::protocol;
using namespace std::chrono_literals;

constexpr int host_connection = 3;
constexpr auto exit_timeout = 2s;  // for a host to exit by itself once its connection is closed

/// The state that the owner of a host shares with the thread that watches it.
struct Connection {
  Connection(os::UniqueFd socket, ports::HostFolders given)
      : channel(std::move(socket)), folders(std::move(given)) {}

  struct Call {
    std::string method;
    ports::HostDone done;
    ports::ReportProgress report;
  };

  protocol::Channel channel;
  ports::HostFolders folders;
  std::atomic<int> pid = 0;
  std::atomic<bool> died = false;
  std::mutex mutex;  ///< guards the members below
  std::int64_t next_id = 1;
  std::map<std::int64_t, Call> pending;
  bool released = false;  ///< by its last owner: the end is expected
};

std::string how_it_ended(const std::optional<os::Exit>& exit) {
  if (!exit) return "connection lost";
  if (exit->signal != 0) return fmt::format("signal {}", exit->signal);
  return fmt::format("exit status {}", exit->status);
}

Error host_ended(std::string_view method, std::string_view how) {
  return environment_error(
      Code::unavailable,
      fmt::format("the model host ended ({}) before it answered `{}`; retry, and a new host is started", how,
                  method));
}

std::optional<Connection::Call> take_call(Connection& connection, std::int64_t id) {
  const std::lock_guard lock(connection.mutex);
  const auto found = connection.pending.find(id);
  if (found == connection.pending.end()) return std::nullopt;
  auto call = std::move(found->second);
  connection.pending.erase(found);
  return call;
}

bool has_open_calls(Connection& connection) {
  const std::lock_guard lock(connection.mutex);
  return !connection.pending.empty();
}

void pass_on(Connection& connection, const protocol::Progress& progress) {
  ports::ReportProgress report;
  {
    const std::lock_guard lock(connection.mutex);
    if (const auto call = connection.pending.find(progress.id); call != connection.pending.end())
      report = call->second.report;
  }
  if (report) report(progress.done, progress.total, progress.unit);
}

/// Waits until the host sends something, or its connection ends; meanwhile, passes on what it prints. False:
/// it has open calls, and was silent for too long.
bool await_frame(Connection& connection, HostOutput& output, std::chrono::milliseconds silence_max) {
  constexpr int parts = 20;  // a call may be made at any time between two looks
  const auto part = std::max(silence_max / parts, std::chrono::milliseconds(1));
  for (std::chrono::milliseconds silent{}; !connection.channel.wait(part, output.fd());) {
    if (output.read(connection.pid)) continue;
    silent = has_open_calls(connection) ? silent + part : std::chrono::milliseconds();
    if (silent >= silence_max) return false;
  }
  return true;
}

/// Once its base is loaded, a host needs its folder no more. What it compiled is taken before its first
/// picture.
void end_loading(Connection& connection, const Value& result) {
  const auto& [base, compiled, scratch] = connection.folders;
  if (scratch.empty()) return;
  if (const auto name = result.text_at("compiled"); !name.empty() && !compiled.empty())
    if (const auto kept = keep_compiled_network(scratch, name, compiled); !kept)
      log::warning(fmt::format("model host {}: {}", connection.pid.load(), kept.error().message));
  std::ignore = os::remove_tree(scratch);
}

/// Delivers responses to their calls until the connection ends, or the host hangs.
void read_responses(Connection& connection, HostOutput& output, std::chrono::milliseconds silence_max) {
  for (;;) {
    if (!await_frame(connection, output, silence_max)) {
      log::error(fmt::format("model host {} has not responded for {} s, and is ended", connection.pid.load(),
                             static_cast<double>(silence_max.count()) / 1000));
      ::kill(connection.pid, SIGKILL);
      return;
    }
    auto frame = connection.channel.read();
    if (!frame) {
      if (frame.error().code != Code::unavailable)
        log::error(fmt::format("model host {}: {}", connection.pid.load(), frame.error().message));
      return;
    }
    if (const auto progress = protocol::progress_from(frame->json)) {
      pass_on(connection, *progress);
      continue;
    }
    auto response = protocol::response_from(frame->json);
    if (!response) {
      log::error(fmt::format("model host {}: {}", connection.pid.load(), response.error().message));
      return;
    }
    auto call = take_call(connection, response->id);
    if (!call) continue;
    if (response->outcome && call->method == "load_base") end_loading(connection, *response->outcome);
    if (response->outcome)
      call->done(
          ports::HostResponse{.result = std::move(*response->outcome), .payload = std::move(frame->payload)});
    else
      call->done(Fail(std::move(response->outcome).error()));
  }
}

/// Reaps the host; one that does not exit in time is killed.
std::optional<os::Exit> await_end(os::Process& process) {
  auto exit = process.wait_for(exit_timeout);
  if (exit && *exit) return *exit;
  process.signal(SIGKILL);
  auto killed = process.wait();
  return killed ? std::optional(*killed) : std::nullopt;
}

void fail_pending_calls(Connection& connection, const std::string& how) {
  std::map<std::int64_t, Connection::Call> pending;
  {
    const std::lock_guard lock(connection.mutex);
    connection.died = true;
    pending.swap(connection.pending);
  }
  for (auto& [id, call] : pending) call.done(Fail(host_ended(call.method, how)));
}

struct Pipe {
  os::UniqueFd out;  ///< to read from; does not block
  os::UniqueFd in;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return Fail(system_error("make a pipe", errno));
  Pipe out{.out = os::UniqueFd(ends[0]), .in = os::UniqueFd(ends[1])};
  SLUICE_DO(os::set_nonblocking(out.out.get()));
  return out;
}

/// Runs one host from start to end. It is spawned on this thread, which lives as long as the host: a host
/// asks the kernel to be killed when its parent *thread* ends, so a short-lived thread must not be its
/// parent.
void watch(const std::shared_ptr<Connection>& connection, const std::filesystem::path& program,
           std::chrono::milliseconds silence_max, os::UniqueFd host_socket, Pipe pipe,
           std::promise<Result<void>> started) {
  std::vector<std::string> argv{program.filename().string()};
  for (const auto& [name, folder] : {std::pair{"--base", connection->folders.base},
                                     {"--compiled", connection->folders.compiled},
                                     {"--scratch", connection->folders.scratch}})
    if (!folder.empty()) argv.insert(argv.end(), {name, folder.string()});
  auto process =
      os::spawn({.program = program,
                 .argv = std::move(argv),
                 .env = std::vector<std::string>(),  // ours has secrets, and it needs none of it
                 .cwd = {},
                 .fds = {{host_socket.get(), host_connection}, {pipe.in.get(), 1}, {pipe.in.get(), 2}}});
  host_socket.reset();
  pipe.in.reset();
  if (!process) {
    started.set_value(Fail(std::move(process).error()));
    return;
  }
  connection->pid = process->pid();
  started.set_value({});
  HostOutput output(std::move(pipe.out));
  read_responses(*connection, output, silence_max);
  // New calls fail at once from here on; pending calls fail below, with the reason.
  connection->died = true;
  connection->channel.close();
  const auto exit = await_end(*process);
  while (output.read(process->pid())) {
  }
  output.finish(process->pid());
  if (!connection->folders.scratch.empty()) std::ignore = os::remove_tree(connection->folders.scratch);
  bool expected = false;
  {
    const std::lock_guard lock(connection->mutex);
    expected = connection->released;
  }
  if (!expected) log::warning(fmt::format("model host {} ended: {}", process->pid(), how_it_ended(exit)));
  fail_pending_calls(*connection, how_it_ended(exit));
}

class HostedModel final : public ports::ModelHost {
 public:
  HostedModel(std::shared_ptr<Connection> connection, std::thread watcher)
      : connection_(std::move(connection)), watcher_(std::move(watcher)) {}

  ~HostedModel() override {
    {
      const std::lock_guard lock(connection_->mutex);
      connection_->released = true;
    }
    connection_->channel.close();
    // Released by a call's `done`: the watcher cannot join itself.
    if (watcher_.get_id() == std::this_thread::get_id())
      watcher_.detach();
    else
      watcher_.join();
  }
  HostedModel(const HostedModel&) = delete;
  HostedModel& operator=(const HostedModel&) = delete;

  void call(std::string method, Value params, std::string payload, ports::HostDone done,
            ports::ReportProgress report) override {
    std::int64_t id = 0;
    {
      std::unique_lock lock(connection_->mutex);
      if (connection_->died) {
        lock.unlock();
        return done(Fail(host_ended(method, "earlier")));
      }
      id = connection_->next_id++;
      connection_->pending.emplace(
          id, Connection::Call{.method = method, .done = std::move(done), .report = std::move(report)});
    }
    const auto written =
        connection_->channel.write(protocol::to_value(protocol::Request{
                                       .id = id, .method = std::move(method), .params = std::move(params)}),
                                   payload);
    if (written) return;
    // A request that is too long was not sent; if the host is gone, the watcher reports why.
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

Result<std::shared_ptr<ports::ModelHost>> HostedRuntime::start_host(const ports::HostFolders& folders) {
  std::error_code missing;
  if (!std::filesystem::is_regular_file(program_, missing))
    return Fail(environment_error(
        Code::not_found, fmt::format("{}: no such program; it runs models and is installed beside sluice",
                                     program_.string())));
  SLUICE_TRY(sockets, os::socket_pair());
  SLUICE_TRY(pipe, make_pipe());
  auto connection = std::make_shared<Connection>(std::move(sockets.first), folders);
  std::promise<Result<void>> promise;
  auto started = promise.get_future();
  std::thread watcher(watch, connection, program_, silence_max_, std::move(sockets.second), std::move(pipe),
                      std::move(promise));
  if (auto outcome = started.get(); !outcome) {
    watcher.join();
    return Fail(std::move(outcome).error());
  }
  return std::make_shared<HostedModel>(std::move(connection), std::move(watcher));
}

}  // namespace sluice::runtimes
