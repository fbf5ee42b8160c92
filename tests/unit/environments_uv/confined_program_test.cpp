#include "sluice/environments/uv/confined_program.hpp"

#include <csignal>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "result_assertions.hpp"
#include "sluice/os/files.hpp"
#include "sluice/os/landlock.hpp"

namespace sluice::environments {
namespace {

using testing::HasSubstr;

class Confined : public testing::Test {
 protected:
  Finished run(const std::string& script, std::chrono::milliseconds limit = std::chrono::minutes(1)) const {
    const auto shown = folder.path() / "shown";
    const auto own = folder.path() / "own";
    EXPECT_OK(os::make_directories(shown));
    EXPECT_OK(os::make_directories(own));
    EXPECT_OK(os::write_file(folder.path() / "secret", "secret", 0600));
    EXPECT_OK(os::write_file(shown / "file", "shown", 0600));
    return test::value_of(run_confined({.program = "/bin/sh",
                                        .argv = {"sh", "-c", script},
                                        .env = {"PATH=/usr/bin:/bin", "HERE=" + folder.path().string()},
                                        .cwd = own,
                                        .readable = {shown},
                                        .writable = {own},
                                        .limit = limit}));
  }
  os::TemporaryDirectory folder = test::value_of(os::TemporaryDirectory::make_in_tmp("sluice-test-"));
};

TEST_F(Confined, ReadsAndWritesWhatItMayAndNothingElse) {
  if (os::Landlock::version() == 0) return;  // the kernel has nothing to confine it by
  const auto done =
      run("cat $HERE/shown/file; echo made > file && ln file link && cat link; cat $HERE/secret; "
          "echo x > $HERE/shown/file; echo x > $HERE/new; ls $HERE; cat ~/.bashrc");
  EXPECT_THAT(done.output, HasSubstr("shownmade\n"));
  EXPECT_THAT(done.output, testing::Not(HasSubstr("secret\n")));
  EXPECT_THAT(done.output, HasSubstr("secret: Permission denied"));
  EXPECT_NE(done.status, 0);
  EXPECT_FALSE(os::exists(folder.path() / "new"));
  EXPECT_EQ(test::value_of(os::read_file(folder.path() / "shown" / "file")), "shown");
}

TEST_F(Confined, OthersOfThisProcessAreNotRestricted) {
  run("true");
  EXPECT_EQ(test::value_of(os::read_file(folder.path() / "secret")), "secret");
}

TEST_F(Confined, IsKilledWhenItTakesTooLong) {
  const auto done = run("sleep 600", std::chrono::milliseconds(1));
  EXPECT_TRUE(done.timed_out);
  EXPECT_TRUE(done.killed);
}

TEST_F(Confined, IsKilledWithItsChildrenWhenItMayNotProceed) {
  const auto pid_file = folder.path() / "pid";
  const auto refused = run_confined({.program = "/bin/sh",
                                     .argv = {"sh", "-c", "sleep 600 & echo $! > new; mv new pid; wait"},
                                     .env = {"PATH=/usr/bin:/bin"},
                                     .cwd = folder.path(),
                                     .readable = {},
                                     .writable = {folder.path()},
                                     .limit = std::chrono::hours(1),
                                     .proceed = [&]() -> Result<void> {
                                       if (!os::exists(pid_file)) return {};
                                       return Fail(environment_error(Code::disk_full, "full"));
                                     }});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::disk_full);
  const auto pid = std::stoi(test::value_of(os::read_file(pid_file)));
  for (int i = 0; i < 1000 && kill(pid, 0) == 0; ++i) usleep(10'000);
  EXPECT_NE(kill(pid, 0), 0);
}

TEST_F(Confined, TheEndOfALongOutputIsKept) {
  const auto done = run("for i in $(seq 20000); do echo line $i; done; exit 3");
  EXPECT_EQ(done.status, 3);
  EXPECT_LE(done.output.size(), std::size_t{16} << 10);
  EXPECT_TRUE(done.output.ends_with("line 20000\n"));
}

}  // namespace
}  // namespace sluice::environments
