// The supervisor's loop in this process. What its servers send is there before it begins, so one thread is
// enough.
#include <chrono>
#include <thread>

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/fsuid.h>
#include <sys/socket.h>
#include <unistd.h>

#include "result_assertions.hpp"
#include "sluice/ipc/supervisor/codec.hpp"
#include "sluice/os/socket.hpp"
#include "sluice/supervisor/supervisor.hpp"

namespace sluice::supervisor {
namespace {

using namespace std::chrono_literals;

struct MovedClock final : Clock {
  [[nodiscard]] Time now() const override { return Time(1'700'000'000'000ms); }
  [[nodiscard]] std::chrono::nanoseconds steady() const override { return at += each_time; }
  mutable std::chrono::nanoseconds at = 1h;
  std::chrono::nanoseconds each_time{0};  ///< by how much a reading moves it
};

/// A server's end of a connection.
class Server {
 public:
  explicit Server(const std::filesystem::path& socket) : fd_(test::value_of(os::connect_unix(socket))) {}
  void send(const Request& request) { ASSERT_OK(os::write_all(fd_.get(), encode(request))); }
  /// The next response, or nothing if the other end has closed.
  std::optional<Response> next() {
    for (;;) {
      if (const auto frame = test::value_of(frames_.next())) return test::value_of(decode_response(*frame));
      char buffer[65536];
      const auto n = recv(fd_.get(), buffer, sizeof buffer, 0);
      if (n <= 0) return std::nullopt;
      frames_.feed({buffer, static_cast<std::size_t>(n)});
    }
  }
  /// Whether the next response is one of these.
  template <typename T>
  bool gets() {
    const auto response = next();
    return response && std::holds_alternative<T>(*response);
  }

 private:
  os::UniqueFd fd_;
  FrameReader frames_;
};

class Loop : public ::testing::Test {
 protected:
  Loop() { sigprocmask(SIG_SETMASK, nullptr, &signals_); }
  ~Loop() override { sigprocmask(SIG_SETMASK, &signals_, nullptr); }
  void open() {
    supervisor_ =
        test::value_of(Supervisor::open(folder_.path(), clock_, {.cgroups = false, .memory_cgroups = false}));
  }
  /// Runs it to its end, and closes all connections.
  void run() {
    supervisor_->run();
    supervisor_.reset();
  }
  [[nodiscard]] std::filesystem::path socket() const { return folder_.path() / "supervisor.sock"; }

  os::TemporaryDirectory folder_ = test::value_of(os::TemporaryDirectory::make_in_tmp("sluice-loop-"));
  MovedClock clock_;
  sigset_t signals_{};
  std::unique_ptr<Supervisor> supervisor_;
};

TEST_F(Loop, EndsAfterTenSecondsWithoutUse) {
  open();
  clock_.at += 10s;
  run();
  EXPECT_FALSE(os::exists(socket()));
}

TEST_F(Loop, IsThereUntilThen) {
  open();
  clock_.at += 10s - 1ns;
  Server server(socket());
  server.send(Hello{});
  server.send(Shutdown{});
  run();
  EXPECT_TRUE(server.gets<Welcome>());
  EXPECT_TRUE(server.gets<Goodbye>());
}

// Time passes while it waits for a server, and nothing else wakes it.
TEST_F(Loop, LooksForItselfWhetherItIsUsed) {
  clock_.each_time = 4s;
  open();
  run();
  EXPECT_FALSE(os::exists(socket()));
}

TEST_F(Loop, IsInUseWhileAServerIsConnected) {
  clock_.each_time = 4s;  // the ten seconds are over when the server has been accepted
  open();
  Server server(socket());
  server.send(Hello{});
  server.send(Shutdown{});
  run();
  EXPECT_TRUE(server.gets<Welcome>());
  EXPECT_TRUE(server.gets<Goodbye>());
}

TEST_F(Loop, ServesSixtyFourConnectionsAtOnce) {
  open();
  std::vector<std::unique_ptr<Server>> servers;
  for (int i = 0; i < 65; ++i) servers.push_back(std::make_unique<Server>(socket()));
  for (int i = 0; i < 64; ++i) servers[static_cast<std::size_t>(i)]->send(Hello{});
  servers[0]->send(Shutdown{});
  run();
  for (int i = 0; i < 64; ++i) EXPECT_TRUE(servers[static_cast<std::size_t>(i)]->gets<Welcome>()) << i;
  EXPECT_EQ(servers[64]->next(), std::nullopt);
}

// What a slow server does not read yet is sent when it does.
TEST_F(Loop, SendsTheRestWhenTheServerReads) {
  constexpr std::uint64_t count = 20'000;  // far more than a socket buffers
  {
    auto log = test::value_of(AttemptLog::open(folder_.path() / "supervisor.log", os::boot_id()));
    for (std::uint64_t i = 0; i < count; ++i) log.end({.fence = std::string(100, 'f') + std::to_string(i)});
  }
  open();
  std::thread loop([&] { supervisor_->run(); });
  {
    Server slow(socket());
    slow.send(Hello{});
    slow.send(List{});
    Server other(socket());
    other.send(Hello{});
    EXPECT_TRUE(other.gets<Welcome>());  // so the list has been made
    EXPECT_TRUE(slow.gets<Welcome>());
    std::uint64_t ends = 0;
    for (auto response = slow.next(); response && std::holds_alternative<Ended>(*response);
         response = slow.next())
      EXPECT_EQ(std::get<Ended>(*response).number, ++ends);
    EXPECT_EQ(ends, count);
    other.send(Shutdown{});
    EXPECT_TRUE(other.gets<Goodbye>());
  }
  loop.join();
}

TEST_F(Loop, TheFirstResponseOnAConnectionIsTheWelcome) {
  open();
  std::thread loop([&] { supervisor_->run(); });
  {
    Server fresh(socket());
    Server server(socket());
    server.send(Hello{});
    EXPECT_TRUE(server.gets<Welcome>());
    server.send(Start{.fence = "f",
                      .program = "/bin/true",
                      .argv = {"true"},
                      .cwd = "/",
                      .log = (folder_.path() / "log").string(),
                      .mounts = {{.source = "/nothing", .target = "/nothing"}}});
    auto response = server.next();
    if (response && std::holds_alternative<Started>(*response)) response = server.next();
    EXPECT_TRUE(response && std::holds_alternative<MountsRefused>(*response));  // which is sent to all
    fresh.send(Hello{});
    EXPECT_TRUE(fresh.gets<Welcome>());
    server.send(Shutdown{});
    EXPECT_TRUE(server.gets<Goodbye>());
  }
  loop.join();
}

/// The user of this process as others see it, until this is destroyed; it keeps its rights to files.
class OtherUser {
 public:
  explicit OtherUser(uid_t user) {
    EXPECT_EQ(seteuid(user), 0);
    setfsuid(0);
  }
  ~OtherUser() { EXPECT_EQ(seteuid(0), 0); }
  OtherUser(const OtherUser&) = delete;
  OtherUser& operator=(const OtherUser&) = delete;
};
constexpr uid_t nobody = 65534;

TEST_F(Loop, AnotherUserIsNotServed) {
  if (geteuid() != 0) return;  // this process cannot be another user
  open();
  std::optional<Server> stranger;
  {
    const OtherUser user(nobody);
    stranger.emplace(socket());
    stranger->send(Hello{});
  }
  Server server(socket());
  server.send(Hello{});
  server.send(Shutdown{});
  run();
  EXPECT_EQ(stranger->next(), std::nullopt);
  EXPECT_TRUE(server.gets<Welcome>());
}

TEST_F(Loop, ItsUserAndRootAreServed) {
  if (geteuid() != 0) return;  // this process cannot be another user
  open();
  Server root(socket());
  root.send(Hello{});
  const OtherUser user(nobody);
  Server same(socket());
  same.send(Hello{});
  same.send(Shutdown{});
  run();
  EXPECT_TRUE(root.gets<Welcome>());
  EXPECT_TRUE(same.gets<Welcome>());
}

}  // namespace
}  // namespace sluice::supervisor
