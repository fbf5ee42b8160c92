// The launcher in this process, compiled with the flags of the tests: the start of a child is assembly.
#include "sluice/supervisor/launch.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include "result_assertions.hpp"
#include "sluice/os/files.hpp"

namespace sluice::supervisor {
namespace {

class Launching : public ::testing::Test {
 protected:
  [[nodiscard]] Start shell(const std::string& line) const {
    return {.fence = "f",
            .program = "/bin/sh",
            .argv = {"sh", "-c", line},
            .env = {"PATH=/bin:/usr/bin"},
            .cwd = folder_.path().string(),
            .log = {}};
  }
  Result<pid_t> launch(const Start& start, const os::MemoryGroup* memory = nullptr) {
    *report_ = Report{};
    return launcher_.launch(start, log_.get(), nullptr, memory, report_);
  }
  /// The exit status; -1 after a signal.
  static int end_of(pid_t pid) {
    int status = 0;
    EXPECT_EQ(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  [[nodiscard]] std::string log() const { return test::value_of(os::read_file(folder_.path() / "log")); }

  os::TemporaryDirectory folder_ = test::value_of(os::TemporaryDirectory::make_in_tmp("sluice-launch-"));
  os::UniqueFd log_ = test::value_of(os::open_file(folder_.path() / "log", O_WRONLY | O_CREAT | O_APPEND));
  Launcher launcher_;
  Reports reports_;
  Report* report_ = reports_.acquire();
};

TEST_F(Launching, ChildrenOnTheLaunchersOwnStackRunOneAfterAnother) {
  for (const auto* status : {"0", "1", "7"}) {
    const auto pid = launch(shell("echo " + std::string(status) + "; exit " + status));
    ASSERT_OK(pid);
    EXPECT_EQ(end_of(*pid), std::stoi(status));
    EXPECT_EQ(report_->what, Report::What::nothing);
  }
  EXPECT_EQ(log(), "0\n1\n7\n");
}

TEST_F(Launching, AChildReportsWhyItCouldNotRun) {
  auto start = shell("");
  start.program = "/nothing/here";
  const auto pid = launch(start);
  ASSERT_OK(pid);
  EXPECT_EQ(end_of(*pid), 127);
  EXPECT_EQ(report_->what, Report::What::step);
  EXPECT_EQ(report_->step, Step::execute);
  EXPECT_EQ(report_->error, ENOENT);
}

// With and without mounts, which are two ways to fork. Nothing to see on a machine that has no such groups.
TEST_F(Launching, AChildJoinsItsMemoryGroupBeforeItExecutes) {
  auto groups = os::MemoryGroups::make("sluice-test-launch-" + std::to_string(getpid()));
  if (!groups) return;
  const auto group = groups->make_group("one", std::uint64_t{1} << 30);
  ASSERT_OK(group);
  const auto file = folder_.path() / "file";
  ASSERT_OK(os::write_file(file, ""));
  auto start = shell("grep -c /sluice-test-launch-.*/one$ /proc/self/cgroup");
  for (const std::vector<Mount>& mounts :
       {std::vector<Mount>{}, std::vector<Mount>{{.source = file.string(), .target = file.string()}}}) {
    start.mounts = mounts;
    const auto pid = launch(start, &*group);
    if (!pid && pid.error().code == Code::permission_denied) return;  // no mount namespace
    ASSERT_OK(pid);
    const auto status = end_of(*pid);
    if (report_->what == Report::What::mounts) return;
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(log(), "1\n1\n");
}

TEST_F(Launching, AChildWithMountsRunsOnACopyOfTheStack) {
  const auto source = folder_.path() / "source";
  const auto target = folder_.path() / "target";
  ASSERT_OK(os::write_file(source, "shown\n"));
  ASSERT_OK(os::write_file(target, ""));
  auto start = shell("cat target");
  start.mounts = {{.source = source.string(), .target = target.string()}};
  const auto pid = launch(start);
  if (!pid) {  // this machine permits no mount namespace
    EXPECT_EQ(pid.error().code, Code::permission_denied);
    return;
  }
  const auto status = end_of(*pid);
  if (report_->what == Report::What::mounts) {  // a namespace, but no mount in it
    EXPECT_EQ(status, 127);
    return;
  }
  EXPECT_EQ(status, 0);
  EXPECT_EQ(log(), "shown\n");
}

}  // namespace
}  // namespace sluice::supervisor
