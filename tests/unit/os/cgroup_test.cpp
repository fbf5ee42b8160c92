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

TEST(Cgroups, AnyFolderIsNotAGroup) { EXPECT_FALSE(Cgroup::open("/tmp")); }

}  // namespace
}  // namespace sluice::os
