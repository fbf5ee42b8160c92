#include "sluice/os/tree.hpp"

#include <algorithm>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scratch.hpp"
#include "sluice/os/process.hpp"
#include "waiting.hpp"

namespace sluice::os {
namespace {

using namespace std::chrono_literals;

class Tree : public Scratch {
 protected:
  /// A shell that has started a sleep and has said so.
  Process family() {
    auto child = spawn({.program = "/bin/sh",
                        .argv = {"sh", "-c", "sleep 60 & echo x > " + at("up").string() + "; wait"},
                        .env = std::vector<std::string>{"PATH=/bin:/usr/bin", "NAME=(a) value"},
                        .new_session = true});
    test::wait_until([&] { return os::exists(at("up")); });
    return std::move(*child);
  }
};

TEST_F(Tree, DescendantsAreFound) {
  auto shell = family();
  const auto found = descendants(all_processes(), shell.pid());
  ASSERT_EQ(found.size(), 1U);
  const auto children = own_children();
  EXPECT_NE(std::ranges::find(children, shell.pid()), children.end());
  const auto info = process_info(found[0]);
  ASSERT_TRUE(info);
  EXPECT_EQ(info->parent, shell.pid());
  EXPECT_EQ(info->session, shell.pid());
  EXPECT_EQ(info->group, shell.pid());
  EXPECT_LE(info->started, ticks_since_boot() + 1);
  kill(-shell.pid(), SIGKILL);
  EXPECT_EQ(shell.wait()->signal, SIGKILL);
  EXPECT_EQ(process_info(shell.pid()), std::nullopt);
}

TEST_F(Tree, TheEnvironmentOfAnotherProcessIsRead) {
  auto shell = family();
  EXPECT_EQ(environment_variable(shell.pid(), "NAME"), "(a) value");
  EXPECT_EQ(environment_variable(shell.pid(), "NAM"), std::nullopt);
  kill(-shell.pid(), SIGKILL);
  EXPECT_TRUE(shell.wait());
  EXPECT_EQ(environment_variable(shell.pid(), "NAME"), std::nullopt);
}

// A child that was forked has all of its parent's memory, but only until it writes to it.
TEST_F(Tree, SharedMemoryIsCountedForEachOrDivided) {
  constexpr std::uint64_t size = std::uint64_t{64} << 20;
  std::vector<char> memory(size, 'x');
  const pid_t child = fork();
  if (child == 0) {
    pause();
    _exit(0);
  }
  EXPECT_GT(memory_of(child, Shared::whole), size / 10 * 9);
  EXPECT_GT(memory_of(getpid(), Shared::whole), size / 10 * 9);
  const auto part = memory_of(child, Shared::part);
  if (part) {  // the kernel counts it
    EXPECT_GT(*part, size / 10 * 4);
    EXPECT_LT(*part, size / 10 * 9);
  }
  kill(child, SIGKILL);
  EXPECT_EQ(waitpid(child, nullptr, 0), child);
  EXPECT_EQ(memory_of(child, Shared::whole), std::nullopt);
  EXPECT_EQ(memory.back(), 'x');
}

TEST_F(Tree, AMarkIsPassedOnWhateverAProcessDoes) {
  const pid_t marked = fork();
  if (marked == 0) {
    mark_tree(7);
    const auto line = "env -i /usr/bin/setsid /bin/sh -c 'echo $$ > " + at("daemon").string() +
                      "; exec /bin/sleep 60' & wait";
    execl("/bin/sh", "sh", "-c", line.c_str(), nullptr);
    _exit(127);
  }
  const auto daemon = [&] { return read_file(at("daemon")).value_or(""); };
  test::wait_until([&] { return daemon().ends_with('\n'); });
  const pid_t pid = std::stoi(daemon());
  EXPECT_EQ(tree_mark_of(pid), tree_mark(7));
  EXPECT_NE(tree_mark_of(pid), tree_mark(8));
  EXPECT_EQ(tree_mark_of(getpid()), std::nullopt);
  kill(pid, SIGKILL);
  EXPECT_EQ(waitpid(marked, nullptr, 0), marked);
  EXPECT_EQ(tree_mark_of(marked), std::nullopt);
}

TEST_F(Tree, ABootHasAnId) { EXPECT_EQ(boot_id().size(), 36U); }

}  // namespace
}  // namespace sluice::os
