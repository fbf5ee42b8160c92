// The supervisor is killed, or a second one is started.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "places.hpp"
#include "refused_call.hpp"
#include "supervised.hpp"

namespace sluice::supervisor {
namespace {

class Crash : public Supervised {
 protected:
  /// Sends SIGKILL; the process is gone when this returns.
  void kill_supervisor() {
    Client client(data());
    const auto pid = static_cast<pid_t>(client.welcome.pid);
    kill(pid, SIGKILL);
    while (client.next_answer()) {
    }
    wait_until([&] { return !is_alive(pid) && !*os::FileLock::holder_of(at("supervisor.lock")); });
  }
};
INSTANTIATE_TEST_SUITE_P(Trees, Crash, ::testing::Bool(),
                         [](const auto& param) { return param.param ? "ByCgroup" : "ByProc"; });

TEST_P(Crash, WhatItRanIsLostAndGone) {
  {
    Client client(data());
    client.send(shell("over", "exit 5"));
    client.next<Started>();
    client.send(shell("f",
                      "echo $$ > main; setsid sh -c 'sh -c \"echo \\$\\$ > daemon; exec sleep 60\" &';"
                      "env -i /usr/bin/setsid /bin/sh -c '/bin/sh -c \"echo \\$\\$ > bare; exec /bin/sleep "
                      "60\" &'; trap '' TERM; sleep 60; sleep 60"));
    for (auto response = client.next_answer(); response; response = client.next_answer()) {
      const auto* started = std::get_if<Started>(&*response);
      if (started != nullptr && started->fence == "f") break;
    }
  }
  const auto main = pid_in("main");
  const auto daemon = pid_in("daemon");
  const auto bare = pid_in("bare");  // without its environment
  wait_until([&] {
    Client client(data());
    client.send(List{});
    const auto response = client.next_answer();
    return response && std::holds_alternative<Ended>(*response);
  });
  kill_supervisor();
  wait_until([&] { return !is_alive(main); });  // it dies with its supervisor, even with SIGTERM ignored
  launch();
  EXPECT_FALSE(is_alive(daemon));
  EXPECT_FALSE(is_alive(bare));

  Client client(data());
  client.send(List{});
  const auto over = client.next<Ended>();
  EXPECT_EQ(over.fence, "over");
  EXPECT_EQ(over.status, 5);
  const auto lost = client.next<Ended>();
  EXPECT_EQ(lost.fence, "f");
  EXPECT_EQ(lost.kind, EndKind::lost);
  EXPECT_TRUE(client.next<Holding>().running.empty());
  client.send(shell("f", "echo again > again"));
  EXPECT_EQ(client.next<Ended>().kind, EndKind::lost);
  EXPECT_FALSE(os::exists(at("again")));
}

TEST_P(Crash, NoCgroupIsLeftAfterTheNextSupervisorExits) {
  struct stat info{};
  ASSERT_EQ(stat(data().c_str(), &info), 0);
  const auto name = "sluice-" + std::to_string(info.st_dev) + "-" + std::to_string(info.st_ino);
  // The name comes from the folder's inode, which may have been that of a killed supervisor's folder: without
  // cgroups, only groups beside that of this process are its own.
  const auto groups =
      test::value_of(os::read_all(test::value_of(os::open_file("/proc/self/cgroup", O_RDONLY)).get()));
  const auto may_be_its_own = [&](const std::filesystem::path& path) {
    if (GetParam() && !path.string().contains("/memory/")) return true;
    const auto parent = path.parent_path().string();
    const auto at = groups.find("memory:");
    if (at == std::string::npos) return false;
    const auto ours = groups.substr(at + 7, groups.find('\n', at) - at - 7);
    return parent.ends_with(ours == "/" ? "/memory" : ours);
  };
  const auto left = [&] {
    std::vector<std::string> found;
    const auto options = std::filesystem::directory_options::skip_permission_denied;
    wait_until([&] {  // other groups appear and disappear meanwhile, which ends the search
      found.clear();
      std::error_code gone;
      for (std::filesystem::recursive_directory_iterator it("/sys/fs/cgroup", options, gone), end; it != end;
           it.increment(gone))
        if (it->path().filename() == name && may_be_its_own(it->path())) found.push_back(it->path());
      return !gone;
    });
    return found;
  };
  // One group that is no longer used, and one with a live process.
  EXPECT_EQ(run(shell("over", "exit 0")).status, 0);
  Client client(data());
  auto limited = shell("f", "echo $$ > main; sleep 60");
  limited.memory_max = std::uint64_t{1} << 30;
  client.send(limited);
  client.next<Started>();
  EXPECT_GT(pid_in("main"), 0);
  EXPECT_TRUE(!client.welcome.cgroups || !left().empty());
  kill_supervisor();
  launch();
  {
    Client next(data());
    next.send(Shutdown{});
    EXPECT_TRUE(next.next<Goodbye>().ending);
    while (next.next_answer()) {
    }
  }
  wait_until([&] { return !*os::FileLock::holder_of(at("supervisor.lock")); });
  EXPECT_EQ(left(), std::vector<std::string>());
}

TEST_P(Crash, ASecondOneLeavesTheFolderToTheFirst) {
  Client first(data());
  launch();  // exits at once, with success
  Client second(data());
  EXPECT_EQ(first.welcome.pid, second.welcome.pid);
}

TEST_P(Crash, AnotherCanStartAfterOneHasEnded) {
  {
    Client client(data());
    client.send(Shutdown{});
    EXPECT_TRUE(client.next<Goodbye>().ending);
    EXPECT_EQ(client.next_answer(), std::nullopt);
  }
  wait_until([&] { return !*os::FileLock::holder_of(at("supervisor.lock")); });
  EXPECT_FALSE(os::exists(at("supervisor.sock")));
  launch();
  EXPECT_EQ(run(shell("f", "exit 0")).status, 0);
}

/// The status if the program could not be run.
constexpr int not_run = 99;

/// What the program prints and returns, with a system call that fails.
std::string output_of(const std::vector<std::string>& arguments, std::optional<std::uint32_t> refused = {}) {
  int ends[2];
  EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const os::UniqueFd read_end(ends[0]);
  os::UniqueFd write_end(ends[1]);
  const auto program = test::release_program("sluice-supervisor");
  std::vector<std::string> argv{"sluice-supervisor"};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  const auto pointers = os::pointers_to(argv);
  const auto child = fork();
  if (child == 0) {
    dup2(write_end.get(), 1);
    dup2(write_end.get(), 2);
    if (!refused || refuse_call(*refused, EAGAIN)) execv(program.c_str(), pointers.data());
    _exit(not_run);
  }
  write_end.reset();
  const auto text = os::read_all(read_end.get());
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return std::to_string(WEXITSTATUS(status)) + ": " + *text;
}

// One that holds the lock and does not listen is about to exit, or has just started.
TEST(SupervisorProgram, LooksWhetherTheHolderOfTheLockListens) {
  const auto data = test::value_of(os::TemporaryDirectory::make_in_tmp("sluice-sup-"));
  const auto lock = test::value_of(os::FileLock::take(data.path() / "supervisor.lock", "the first"));
  const auto listener = test::value_of(os::listen_unix(data.path() / "supervisor.sock"));
  EXPECT_EQ(output_of({data.path().string()}), "0: ");
  EXPECT_TRUE(os::UniqueFd(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)));
}

TEST(SupervisorProgram, SaysWhatIsWrong) {
  EXPECT_EQ(output_of({"/nothing"}),
            "3: sluice-supervisor: cannot open data folder /nothing: No such file or directory\n");
  EXPECT_EQ(output_of({"--help"}).substr(0, 81),
            "0: usage: sluice-supervisor [--no-cgroups] [--no-memory-cgroups] DATA_FOLDER\n\nRun");
  EXPECT_EQ(output_of({"a", "b"}).substr(0, 45), "2: sluice-supervisor: unexpected argument `b`");
  EXPECT_EQ(output_of({"/proc"}),
            "3: sluice-supervisor: cannot open /proc/supervisor.lock: No such file or directory\n");
  const auto nothing_ran = std::to_string(not_run) + ": ";  // this machine permits no filter of system calls
  const auto no_pipe = output_of({"/tmp"}, SYS_pipe2);
  EXPECT_TRUE(no_pipe == nothing_ran ||
              no_pipe == "3: sluice-supervisor: cannot make a pipe: Resource temporarily unavailable\n")
      << no_pipe;
  const auto no_fork = output_of({"/tmp"}, SYS_clone);
  EXPECT_TRUE(no_fork == nothing_ran ||
              no_fork == "3: sluice-supervisor: cannot fork: Resource temporarily unavailable\n")
      << no_fork;
}

}  // namespace
}  // namespace sluice::supervisor
