#include "sluice/os/process.hpp"

#include <algorithm>

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "result_assertions.hpp"
#include "scratch.hpp"

namespace sluice::os {
namespace {

using namespace std::chrono_literals;

class ProcessTest : public Scratch {
 protected:
  /// The output of a shell command, run with `options` added.
  std::string output_of(const std::string& line, SpawnOptions options = {}) {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    const UniqueFd read_end(ends[0]);
    UniqueFd write_end(ends[1]);
    options.program = "/bin/sh";
    options.argv = {"sh", "-c", line};
    options.fds.emplace_back(write_end.get(), 1);
    auto child = spawn(options);
    EXPECT_TRUE(child);
    write_end.reset();
    auto text = read_all(read_end.get());
    EXPECT_TRUE(child->wait()->succeeded());
    return *text;
  }
};

TEST_F(ProcessTest, ReportsHowItEnded) {
  auto child = spawn({.program = "/bin/sh", .argv = {"sh", "-c", "exit 3"}});
  ASSERT_TRUE(child);
  const auto exit = child->wait();
  EXPECT_EQ(exit->status, 3);
  EXPECT_EQ(exit->signal, 0);
  EXPECT_GT(exit->memory_peak, 0);
  EXPECT_EQ(child->wait()->status, 3);

  auto killed = spawn({.program = "/bin/sh", .argv = {"sh", "-c", "kill -9 $$"}});
  EXPECT_EQ(killed->wait()->signal, SIGKILL);
}

TEST_F(ProcessTest, IsWaitedForAWhile) {
  auto child = spawn({.program = "/bin/sleep", .argv = {"sleep", "60"}});
  ASSERT_TRUE(child);
  EXPECT_EQ(*child->wait_for(1ms), std::nullopt);
  child->signal(SIGTERM);
  EXPECT_EQ((*child->wait_for(60s))->signal, SIGTERM);
  child->signal(SIGTERM);  // does nothing: it has ended
}

TEST_F(ProcessTest, NamesAProgramThatCannotBeExecuted) {
  const auto child = spawn({.program = at("nothing"), .argv = {"nothing"}});
  ASSERT_FALSE(child);
  EXPECT_EQ(child.error().code, Code::not_found);
  EXPECT_EQ(child.error().message, "cannot start " + at("nothing").string() + ": No such file or directory");
}

TEST_F(ProcessTest, GetsTheEnvironmentAndFolderThatItIsGiven) {
  EXPECT_EQ(output_of("/usr/bin/env | grep -v -e ^PWD= -e ^_= -e ^SHLVL= -e ^OLDPWD=; pwd",
                      {.env = std::vector<std::string>{"A=1", "B=two words"}, .cwd = at("")}),
            "A=1\nB=two words\n" + std::filesystem::canonical(at("")).string() + "\n");
}

TEST_F(ProcessTest, InheritsTheDescriptorsThatAreNamedAndNoOther) {
  ASSERT_OK(write_file(at("f"), "f"));
  ASSERT_OK(write_file(at("g"), "g"));
  const auto f = open_file(at("f"), O_RDONLY);
  const auto g = open_file(at("g"), O_RDONLY);
  const UniqueFd leaky(open("/dev/null", O_RDONLY));  // NOLINT: without O_CLOEXEC
  // Swapped: each goes where the other is.
  const auto listed = output_of(
      "cat <&" + std::to_string(g->get()) + "; cat <&" + std::to_string(f->get()) + "; exec ls /proc/self/fd",
      {.fds = {{f->get(), g->get()}, {g->get(), f->get()}}});
  EXPECT_TRUE(listed.starts_with("fg0\n")) << listed;
  // 0, 1, 2, the two, and the folder that ls reads.
  EXPECT_EQ(std::ranges::count(listed, '\n'), 6) << listed;
}

TEST_F(ProcessTest, CanHaveASessionOrAGroupOfItsOwn) {
  EXPECT_EQ(output_of("test $$ = $(ps -o sid= $$) && echo leads", {.new_session = true}), "leads\n");
  EXPECT_EQ(output_of("test $$ = $(ps -o pgid= $$) && echo leads", {.new_group = true}), "leads\n");
}

TEST_F(ProcessTest, StartsWithNoSignalBlockedOrIgnored) {
  signal(SIGPIPE, SIG_IGN);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  EXPECT_EQ(spawn({.program = "/bin/sh", .argv = {"sh", "-c", "kill -s PIPE $$"}})->wait()->signal, SIGPIPE);
  EXPECT_EQ(spawn({.program = "/bin/sh", .argv = {"sh", "-c", "kill -s USR1 $$"}})->wait()->signal, SIGUSR1);
  signal(SIGPIPE, SIG_DFL);
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

TEST_F(ProcessTest, ProgramsAreFoundAlongAPath) {
  ASSERT_OK(make_directories(at("a/tool")));
  ASSERT_OK(make_directories(at("b")));
  ASSERT_OK(write_file(at("b/tool"), "", 0755));
  ASSERT_OK(write_file(at("b/data"), "", 0644));
  const auto path = at("a").string() + ":" + at("nothing").string() + ":" + at("b").string();
  EXPECT_EQ(find_program("tool", path), at("b/tool"));
  EXPECT_EQ(find_program("data", "/nothing"), std::nullopt);
  EXPECT_EQ(find_program("b/tool", at("").string()), std::nullopt);
  EXPECT_EQ(find_program("", path), std::nullopt);
}

}  // namespace
}  // namespace sluice::os
