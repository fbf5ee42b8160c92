#include "sluice/os/captured.hpp"

#include <csignal>

#include "result_assertions.hpp"
#include "scratch.hpp"

namespace sluice::os {
namespace {

using namespace std::chrono_literals;

class CapturedTest : public Scratch {
 protected:
  static Result<Captured> shell(const std::string& line, std::chrono::milliseconds limit = 60s,
                                std::size_t bytes_max = 1000) {
    return run_captured({.program = "/bin/sh", .argv = {"sh", "-c", line}, .env = {}, .cwd = {}, .fds = {}},
                        limit, bytes_max);
  }
};

TEST_F(CapturedTest, KeepsBothStreamsApart) {
  const auto done = shell("echo out; echo error >&2; exit 3");
  ASSERT_OK(done);
  EXPECT_EQ(done->out, "out\n");
  EXPECT_EQ(done->error, "error\n");
  EXPECT_EQ(done->exit.status, 3);
  EXPECT_FALSE(done->timed_out);
}

TEST_F(CapturedTest, KeepsTheBeginningOfTheOutputAndTheEndOfTheErrors) {
  const auto done = shell("seq 100000; seq 100000 >&2", 60s, 20);
  ASSERT_OK(done);
  EXPECT_TRUE(done->exit.succeeded());
  EXPECT_EQ(done->out, "1\n2\n3\n4\n5\n6\n7\n8\n9\n10");
  EXPECT_EQ(done->error, "\n99998\n99999\n100000\n");
}

TEST_F(CapturedTest, EndsWhatTakesTooLongWithItsChildren) {
  const auto file = at("pid");
  const auto done = shell("sleep 600 & echo $! > " + file.string() + "; echo said; wait", 1s);
  ASSERT_OK(done);
  EXPECT_TRUE(done->timed_out);
  EXPECT_EQ(done->exit.signal, SIGKILL);
  EXPECT_EQ(done->out, "said\n");
  const auto child = read_file(file);
  ASSERT_OK(child);
  // The child has no parent any more; whoever adopted it may not have reaped it.
  const auto state = read_file("/proc/" + child->substr(0, child->find('\n')) + "/stat");
  EXPECT_TRUE(!state || state->find(") Z ") != std::string::npos) << *state;
}

TEST_F(CapturedTest, OutputWithoutEndTakesNoMemoryAndIsEnded) {
  const auto done = shell("yes", 300ms);
  ASSERT_OK(done);
  EXPECT_TRUE(done->timed_out);
  EXPECT_EQ(done->out.size(), 1000U);
}

TEST_F(CapturedTest, DoesNotWaitForWhatTheProgramLeavesBehind) {
  const auto done = shell("sleep 600 & echo $!");
  ASSERT_OK(done);
  EXPECT_TRUE(done->exit.succeeded());
  ::kill(std::stoi(done->out), SIGKILL);
}

TEST_F(CapturedTest, AMissingProgramIsAnError) {
  EXPECT_FALSE(
      run_captured({.program = "/nothing/here", .argv = {"here"}, .env = {}, .cwd = {}, .fds = {}}, 1s, 10));
}

}  // namespace
}  // namespace sluice::os
