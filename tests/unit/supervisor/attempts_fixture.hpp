#pragma once
// The attempts in this process, with a clock that the test moves.
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "result_assertions.hpp"
#include "sluice/os/files.hpp"
#include "sluice/os/tree.hpp"
#include "sluice/supervisor/attempts.hpp"
#include "waiting.hpp"

namespace sluice::supervisor {

using namespace std::chrono_literals;
using test::wait_until;

struct MovedClock final : Clock {
  [[nodiscard]] Time now() const override {
    return Time(1'700'000'000'000ms) + std::chrono::floor<Milliseconds>(at);
  }
  [[nodiscard]] std::chrono::nanoseconds steady() const override { return at += each_time; }
  mutable std::chrono::nanoseconds at = 1h;
  std::chrono::nanoseconds each_time{0};  ///< by how much a reading moves it
};

/// Without cgroups. Every other child of this process would be an orphan of some attempt.
class AttemptsTest : public ::testing::Test {
 protected:
  AttemptsTest() { prctl(PR_SET_CHILD_SUBREAPER, 1); }
  ~AttemptsTest() override {
    attempts_.kill_all();
    wait_until([&] {
      attempts_.handle_interpreters();
      attempts_.reap();
      const auto children = os::own_children();
      for (const auto pid : children) kill(pid, SIGKILL);  // what a test that failed has left
      return attempts_.running() == 0 && children.empty();
    });
    prctl(PR_SET_CHILD_SUBREAPER, 0);
  }

  /// An attempt that runs a shell command.
  [[nodiscard]] Start shell(const std::string& fence, const std::string& line) const {
    return {.fence = fence,
            .program = "/bin/sh",
            .argv = {"sh", "-c", line},
            .env = {"PATH=/bin:/usr/bin"},
            .cwd = folder_.path().string(),
            .log = at(fence + ".log").string()};
  }
  [[nodiscard]] static Start limited(Start start, std::uint64_t log_bytes_max) {
    start.log_bytes_max = log_bytes_max;
    return start;
  }
  [[nodiscard]] static Start memory_limited(Start start, std::uint64_t memory_max) {
    start.memory_max = memory_max;
    return start;
  }
  pid_t start(const Start& what) {
    const auto response = attempts_.start(what);
    const auto* started = std::get_if<Started>(&response);
    EXPECT_NE(started, nullptr);
    return started ? static_cast<pid_t>(started->pid) : -1;
  }
  [[nodiscard]] std::filesystem::path at(const std::string& name) const { return folder_.path() / name; }
  /// Of no other process, whatever namespace that is in.
  [[nodiscard]] std::string group_name() const { return folder_.path().filename().string(); }
  [[nodiscard]] pid_t pid_in(const std::string& name) const {
    const auto text = [&] { return os::read_file(at(name)).value_or(""); };
    wait_until([&] { return text().ends_with('\n'); });
    return std::stoi(text());
  }
  static char state_of(pid_t pid) {
    const auto info = os::process_info(pid);
    return info ? info->state : '?';
  }
  static bool is_alive(pid_t pid) { return state_of(pid) != '?' && state_of(pid) != 'Z'; }
  /// The end of the only attempt that ends.
  Ended end() {
    wait_until([&] {
      attempts_.handle_interpreters();
      attempts_.reap();
      return !ended_.empty();
    });
    EXPECT_EQ(ended_.size(), 1U);
    return std::exchange(ended_, {}).front();
  }

  os::TemporaryDirectory folder_ = test::value_of(os::TemporaryDirectory::make_in_tmp("sluice-attempts-"));
  MovedClock clock_;
  AttemptLog log_ = test::value_of(AttemptLog::open(folder_.path() / "supervisor.log", "boot"));
  std::vector<Ended> ended_;
  Attempts attempts_{log_,
                     clock_,
                     {},
                     [this](const Ended& ended) { ended_.push_back(ended); },
                     [](const MountsRefused& refused) { ADD_FAILURE() << refused.fence; }};
};

}  // namespace sluice::supervisor
