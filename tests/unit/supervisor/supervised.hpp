#pragma once
#include <chrono>

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>

#include "places.hpp"
#include "result_assertions.hpp"
#include "sluice/ipc/supervisor/codec.hpp"
#include "sluice/os/files.hpp"
#include "sluice/os/process.hpp"
#include "sluice/os/socket.hpp"
#include "waiting.hpp"

namespace sluice::supervisor {

using namespace std::chrono_literals;
using test::wait_until;

/// A server's end of a connection to the real program.
class Client {
 public:
  enum class Greeting { answered, unanswered };  ///< unanswered: the supervisor does not read yet
  explicit Client(const std::filesystem::path& data, Greeting greeting = Greeting::answered)
      : fd_(*os::connect_unix(data / "supervisor.sock")) {
    send(Hello{});
    if (greeting == Greeting::answered) welcome = next<Welcome>();
  }
  void send(const Request& request) { ASSERT_TRUE(os::write_all(fd_.get(), encode(request))); }
  void send_bytes(std::string_view bytes) { ASSERT_TRUE(os::write_all(fd_.get(), bytes)); }

  /// The next response, or nothing once the other end has closed.
  std::optional<Response> next_answer() {
    for (;;) {
      const auto frame = frames_.next();
      if (frame && *frame) return *decode_response(**frame);
      char buffer[4096];
      const auto n = recv(fd_.get(), buffer, sizeof buffer, 0);
      if (n <= 0) return std::nullopt;
      frames_.feed({buffer, static_cast<std::size_t>(n)});
    }
  }
  template <typename T>
  T next() {
    const auto response = next_answer();
    if (response && std::holds_alternative<T>(*response)) return std::get<T>(*response);
    ADD_FAILURE() << "another response, or none: " << (response ? static_cast<int>(response->index()) : -1);
    return {};
  }
  Welcome welcome;

 private:
  os::UniqueFd fd_;
  FrameReader frames_;
};

/// The real program, with these options, on a data folder of its own.
class SupervisorTest : public ::testing::Test {
 protected:
  explicit SupervisorTest(std::vector<std::string> options)
      : options_(std::move(options)),
        folder_(*os::TemporaryDirectory::make(std::filesystem::temp_directory_path(), "sluice-sup-")) {
    launch();
  }
  ~SupervisorTest() override {
    if (os::exists(data() / "supervisor.sock") && os::connect_unix(data() / "supervisor.sock")) {
      Client client(data());
      client.send(Shutdown{.force = true});
      while (client.next_answer()) {
      }
    }
  }

  /// Starts the program; it is ready when this returns.
  void launch() {
    os::SpawnOptions options{.program = test::release_program("sluice-supervisor"),
                             .argv = {"sluice-supervisor", data().string()}};
    options.argv.insert(options.argv.begin() + 1, options_.begin(), options_.end());
    auto process = os::spawn(options);
    ASSERT_OK(process);
    EXPECT_TRUE(process->wait()->succeeded());
  }
  [[nodiscard]] const std::filesystem::path& data() const { return folder_.path(); }
  [[nodiscard]] std::filesystem::path at(const std::string& name) const { return folder_.path() / name; }
  [[nodiscard]] std::string text_of(const std::string& name) const {
    return os::read_file(at(name)).value_or("(none)");
  }

  /// An attempt that runs a shell command.
  [[nodiscard]] Start shell(const std::string& fence, const std::string& line) const {
    return {.fence = fence,
            .program = "/bin/sh",
            .argv = {"sh", "-c", line},
            .env = {"PATH=/bin:/usr/bin", "SLUICE_ATTEMPT=" + fence},
            .cwd = data().string(),
            .log = at(fence + ".log").string()};
  }
  /// Runs it to its end on a connection of its own.
  Ended run(const Start& start) {
    Client client(data());
    client.send(List{.since = 1'000'000, .follow = true});
    client.next<Holding>();
    client.send(start);
    const auto first = client.next_answer();
    if (first && std::holds_alternative<Ended>(*first)) return std::get<Ended>(*first);
    EXPECT_TRUE(first && std::holds_alternative<Started>(*first));
    for (;;) {
      const auto ended = client.next<Ended>();
      if (ended.fence == start.fence || ended.fence.empty()) return ended;
    }
  }
  /// The pid that a task has written.
  [[nodiscard]] pid_t pid_in(const std::string& name) const {
    wait_until([&] { return text_of(name).ends_with('\n'); });
    return std::stoi(text_of(name));
  }
  static bool is_alive(pid_t pid) {
    // A zombie that has not been reaped yet is not alive.
    const auto stat = os::read_file("/proc/" + std::to_string(pid) + "/stat");
    return stat && stat->find(") Z ") == std::string::npos;
  }

 private:
  std::vector<std::string> options_;
  os::TemporaryDirectory folder_;
};

/// Once with the cgroups of this machine (if there are any), and once without.
class Supervised : public SupervisorTest, public ::testing::WithParamInterface<bool> {
 protected:
  Supervised()
      : SupervisorTest(GetParam() ? std::vector<std::string>() : std::vector<std::string>{"--no-cgroups"}) {}
};

}  // namespace sluice::supervisor
