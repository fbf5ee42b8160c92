#include "sluice/os/cgroup.hpp"

#include <signal.h>
#include <unistd.h>

#include "result_assertions.hpp"
#include "scratch.hpp"
#include "sluice/os/process.hpp"
#include "waiting.hpp"

namespace sluice::os {
namespace {

using namespace std::chrono_literals;

// This passes on every machine; if no group can be created, `make` returns nothing, and nothing else can be
// tested.
TEST(Cgroups, EndAllTheirProcessesAtOnce) {
  auto parent = CgroupParent::make("sluice-test-" + std::to_string(getpid()));
  if (!parent) {
    EXPECT_FALSE(Cgroup::open("/sys/fs/cgroup/sluice-test-nothing"));
    return;
  }
  auto leaf = parent->make_leaf("one");
  ASSERT_OK(leaf);
  EXPECT_FALSE(leaf->populated());
  EXPECT_TRUE(leaf->processes().empty());

  // It has its grandchild once it is in the group.
  const auto family = "while ! grep -q " + leaf->path().filename().string() +
                      " /proc/$$/cgroup; do :; done; setsid sleep 60 & exec sleep 60";
  auto child = spawn({.program = "/bin/sh", .argv = {"sh", "-c", family}});
  ASSERT_TRUE(leaf->add(child->pid()));
  EXPECT_TRUE(leaf->populated());
  test::wait_until([&] { return leaf->processes().size() == 2; });
  EXPECT_EQ(leaf->memory_peak().has_value(), parent->counts_memory());

  auto same = Cgroup::open(leaf->path());
  ASSERT_TRUE(same);
  same->kill();
  EXPECT_EQ(child->wait()->signal, SIGKILL);
  test::wait_until([&] { return !leaf->populated(); });

  const auto path = leaf->path();
  leaf = Fail(Error{});
  EXPECT_FALSE(os::exists(path));
  EXPECT_FALSE(Cgroup::open(path));
}

// As above: nothing, on a machine whose memory controller does not belong to version 1.
TEST(MemoryGroups, EndWhatExceedsTheirLimit) {
  auto groups = MemoryGroups::make("sluice-test-" + std::to_string(getpid()));
  if (!groups) return;
  const auto outcome = [&](const std::string& name, const std::string& megabytes) {
    auto group = groups->make_group(name, 50'000'000);
    EXPECT_OK(group);
    // It joins the group by the descriptor that it inherits.
    const auto line = "exec 2> /dev/null; echo 0 >&3; head -c " + megabytes + "M /dev/zero | tail -c " +
                      megabytes + "M > /dev/null";
    auto child = spawn({.program = "/bin/bash",
                        .argv = {"bash", "-o", "pipefail", "-c", line},
                        .fds = {{group->tasks(), 3}}});
    const bool succeeded = child->wait()->succeeded();
    EXPECT_NE(group->ran_out(), succeeded);
    EXPECT_GT(group->peak(), 20'000'000);
    return succeeded;
  };
  EXPECT_TRUE(outcome("below", "30"));
  EXPECT_FALSE(outcome("over", "100"));
}

TEST(MemoryGroups, AreGoneAfterUse) {
  const auto name = "sluice-test-gone-" + std::to_string(getpid());
  auto groups = MemoryGroups::make(name);
  if (!groups) return;
  std::filesystem::path inner;
  {
    auto group = groups->make_group("one", 50'000'000);
    ASSERT_OK(group);
    inner = std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(group->tasks())).parent_path();
    EXPECT_TRUE(os::exists(inner));
  }
  EXPECT_FALSE(os::exists(inner));
  groups.reset();
  EXPECT_FALSE(os::exists(inner.parent_path()));
}

// A leaf of version 2, as a folder with the files that its kernel provides: no test machine has that memory
// controller.
TEST(Cgroups, ALimitIsWrittenAsVersion2ReadsIt) {
  const auto folder = test::value_of(TemporaryDirectory::make_in_tmp("sluice-os-"));
  const auto file = [&](const char* name) { return folder.path() / name; };
  for (const auto* name : {"cgroup.events", "memory.max", "memory.swap.max", "memory.oom.group"})
    ASSERT_OK(write_file(file(name), ""));
  auto leaf = Cgroup::open(folder.path());
  ASSERT_TRUE(leaf);
  EXPECT_OK(leaf->limit_memory(1'000'000));
  EXPECT_EQ(test::value_of(read_file(file("memory.max"))), "1000000");
  EXPECT_EQ(test::value_of(read_file(file("memory.swap.max"))), "0");
  EXPECT_EQ(test::value_of(read_file(file("memory.oom.group"))), "1");

  EXPECT_FALSE(leaf->ran_out_of_memory());
  ASSERT_OK(
      write_file(file("memory.events"), "low 0\nhigh 0\nmax 12\noom 1\noom_kill 2\noom_group_kill 1\n"));
  EXPECT_TRUE(leaf->ran_out_of_memory());
  // The group above was full.
  ASSERT_OK(write_file(file("memory.events"), "low 0\nhigh 0\nmax 0\noom 0\noom_kill 2\noom_group_kill 1\n"));
  EXPECT_FALSE(leaf->ran_out_of_memory());
}

TEST(Cgroups, AnyFolderIsNotAGroup) { EXPECT_FALSE(Cgroup::open("/tmp")); }

}  // namespace
}  // namespace sluice::os
