// How attempts are ended, with their whole process trees.
#include "result_assertions.hpp"
#include "sluice/os/tree.hpp"
#include "sluice/supervisor/log_quota.hpp"
#include "supervised.hpp"

namespace sluice::supervisor {
namespace {

class Ending : public Supervised {
 protected:
  /// Starts it, runs `meanwhile`, and returns how it ended.
  Ended run_and(const Start& start, const std::function<void(Client&)>& meanwhile) {
    Client client(data());
    client.send(List{.since = 1'000'000, .follow = true});
    client.next<Holding>();
    client.send(start);
    client.next<Started>();
    meanwhile(client);
    return client.next<Ended>();
  }
  static char state_of(pid_t pid) {
    const auto info = os::process_info(pid);
    return info ? info->state : '?';
  }
  /// The number of live processes that have the marker of the attempt.
  static std::size_t marked(const std::string& fence) {
    std::size_t count = 0;
    for (const auto& info : os::all_processes())
      if (info.state != 'Z' && os::environment_variable(info.pid, "SLUICE_ATTEMPT") == fence) ++count;
    return count;
  }
};
INSTANTIATE_TEST_SUITE_P(Trees, Ending, ::testing::Bool(),
                         [](const auto& param) { return param.param ? "ByCgroup" : "ByProc"; });

TEST_P(Ending, ACancelledTaskMayEndInOrder) {
  const auto ended =
      run_and(shell("f", "trap 'echo tidy; exit 7' TERM; echo x > up; while :; do sleep 0.01; done"),
              [&](Client& client) {
                wait_until([&] { return os::exists(at("up")); });
                client.send(Cancel{.fence = "f", .grace_ms = 60'000});
              });
  EXPECT_EQ(ended.kind, EndKind::exited);
  EXPECT_EQ(ended.status, 7);
  EXPECT_TRUE(ended.cancelled);
  EXPECT_NE(text_of("f.log").find("tidy"), std::string::npos);
}

TEST_P(Ending, ACancelledTaskThatIgnoresTheSignalIsKilled) {
  const auto ended =
      run_and(shell("f", "trap '' TERM; echo x > up; while :; do sleep 0.01; done"), [&](Client& client) {
        wait_until([&] { return os::exists(at("up")); });
        client.send(Cancel{.fence = "f", .grace_ms = 20});
      });
  EXPECT_EQ(ended.kind, EndKind::signalled);
  EXPECT_EQ(ended.status, SIGKILL);
  EXPECT_TRUE(ended.cancelled);
}

TEST_P(Ending, CancellingWithoutGraceKillsAtOnce) {
  const auto ended = run_and(shell("f", "trap '' TERM; sleep 60"),
                             [&](Client& client) { client.send(Cancel{.fence = "f"}); });
  EXPECT_EQ(ended.status, SIGKILL);
  EXPECT_TRUE(ended.cancelled);
}

TEST_P(Ending, CancellingWhatIsUnknownOrOverDoesNothing) {
  EXPECT_EQ(run(shell("f", "exit 0")).status, 0);
  Client client(data());
  client.send(Cancel{.fence = "f"});
  client.send(Cancel{.fence = "nothing"});
  client.send(List{});
  EXPECT_FALSE(client.next<Ended>().cancelled);
}

TEST_P(Ending, TheWholeTreeIsAskedToEnd) {
  const auto ended = run_and(
      shell(
          "f",
          "trap : TERM; (trap 'echo asked > child; exit' TERM; echo x > up; while :; do sleep 0.01; done) & "
          "wait $!; wait $!; test -e child && exit 9"),
      [&](Client& client) {
        wait_until([&] { return os::exists(at("up")); });
        client.send(Cancel{.fence = "f", .grace_ms = 60'000});
      });
  EXPECT_EQ(ended.status, 9);
  EXPECT_TRUE(ended.cancelled);
}

TEST_P(Ending, WhatATaskLeavesBehindIsKilled) {
  // In the background; in a session of its own, with its parent gone; and the same without the marker in its
  // environment.
  EXPECT_EQ(
      run(shell("f",
                "sleep 60 & echo $! > a;"
                "setsid sh -c 'sh -c \"echo \\$\\$ > b; exec sleep 60\" &';"
                "env -i /usr/bin/setsid /bin/sh -c '/bin/sh -c \"echo \\$\\$ > c; exec /bin/sleep 60\" &';"
                "while ! test -s b || ! test -s c; do sleep 0.01; done; exit 0"))
          .status,
      0);
  for (const auto* name : {"a", "b", "c"}) EXPECT_FALSE(is_alive(pid_in(name))) << name;
  EXPECT_EQ(run(shell("next", "exit 5")).status, 5);  // what was killed does not affect it
}

TEST_P(Ending, ACancelledTaskTakesItsDaemonsWithIt) {
  // Another attempt began before it and is still running: an unmarked process could be a daemon of that one.
  Client other(data());
  other.send(shell("other", "echo $$ > other; exec sleep 600"));
  other.next<Started>();
  const auto bystander = pid_in("other");
  const auto ended = run_and(
      shell("f",
            "trap '' TERM; sleep 600 & echo $! > a;"
            "setsid sh -c 'sh -c \"echo \\$\\$ > b; exec sleep 600\" &';"
            "env -i /usr/bin/setsid /bin/sh -c '/bin/sh -c \"echo \\$\\$ > c; exec /bin/sleep 600\" &';"
            "while :; do sleep 0.01; done"),
      [&](Client& client) {
        for (const auto* name : {"a", "b", "c"}) EXPECT_TRUE(is_alive(pid_in(name))) << name;
        client.send(Cancel{.fence = "f", .grace_ms = 20});
      });
  EXPECT_TRUE(ended.cancelled);
  for (const auto* name : {"a", "b", "c"}) EXPECT_FALSE(is_alive(pid_in(name))) << name;
  EXPECT_TRUE(is_alive(bystander));
}

TEST_P(Ending, AStoppedTaskIsContinuedToEndInOrder) {
  const auto ended = run_and(shell("f", "trap 'exit 7' TERM; echo $$ > pid; kill -s STOP $$; sleep 600"),
                             [&](Client& client) {
                               const auto pid = pid_in("pid");
                               wait_until([&] { return state_of(pid) == 'T'; });
                               client.send(Cancel{.fence = "f", .grace_ms = 60'000});
                             });
  EXPECT_EQ(ended.status, 7);
  EXPECT_TRUE(ended.cancelled);
}

TEST_P(Ending, AStoppedTaskThatIgnoresTheSignalIsKilled) {
  const auto ended = run_and(
      shell("f", "trap '' TERM CONT; echo $$ > pid; while :; do kill -s STOP $$; done"), [&](Client& client) {
        const auto pid = pid_in("pid");
        wait_until([&] { return state_of(pid) == 'T'; });
        client.send(Cancel{.fence = "f", .grace_ms = 20});
      });
  EXPECT_EQ(ended.status, SIGKILL);
  EXPECT_TRUE(ended.cancelled);
}

// Each process forks the next one and exits: a list of them is outdated at once.
TEST_P(Ending, ATaskThatForksWithoutEndIsKilled) {
  const std::string runner = "run() { run & }; run; run; run; run; ";
  EXPECT_EQ(run(shell("leaves", runner + "exit 3")).status, 3);
  EXPECT_EQ(marked("leaves"), 0U);
  const auto ended = run_and(
      shell("f", "trap '' TERM; " + runner + "echo > up; while :; do sleep 0.01; done"), [&](Client& client) {
        wait_until([&] { return os::exists(at("up")); });
        client.send(Cancel{.fence = "f", .grace_ms = 20});
      });
  EXPECT_EQ(ended.status, SIGKILL);
  EXPECT_EQ(marked("f"), 0U);
}

// The same, with each process in a session of its own.
TEST_P(Ending, AChainOfDaemonsIsKilled) {
  ASSERT_OK(os::write_file(at("next"), "setsid /bin/sh next &\n"));
  EXPECT_EQ(run(shell("f", "sh next; exit 3")).status, 3);
  EXPECT_EQ(marked("f"), 0U);
}

TEST_P(Ending, TasksAfterOneThatLeftSomethingBehindAreNotKilledWithIt) {
  for (int i = 0; i < 5; ++i) {
    const auto ended = run(shell("f" + std::to_string(i), "sleep 60 & exit 3"));
    EXPECT_EQ(ended.kind, EndKind::exited) << i;
    EXPECT_EQ(ended.status, 3) << i;
  }
}

TEST_P(Ending, ADaemonOfAnotherTaskIsLeftAlone) {
  Client client(data());
  client.send(shell("keeps", "setsid sh -c 'sh -c \"echo \\$\\$ > daemon; exec sleep 60\" &'; sleep 60"));
  client.next<Started>();
  const auto daemon = pid_in("daemon");
  EXPECT_EQ(run(shell("other", "exit 0")).status, 0);
  EXPECT_TRUE(is_alive(daemon));
  client.send(List{.follow = true});
  while (std::holds_alternative<Ended>(*client.next_answer())) {
  }
  client.send(Cancel{.fence = "keeps"});
  EXPECT_EQ(client.next<Ended>().fence, "keeps");
  EXPECT_FALSE(is_alive(daemon));
}

TEST_P(Ending, ALogThatExceedsItsLimitEndsTheTask) {
  auto start = shell("f", "yes");
  start.log_bytes_max = 1'000'000;
  const auto ended = run(start);
  EXPECT_EQ(ended.kind, EndKind::log_quota);
  EXPECT_EQ(text_of("f.log").size(), 1'000'000U);
}

// However fast a task prints, its log is checked before, or just when, it can have reached its limit.
TEST(LogQuota, ALogIsCheckedBeforeItCanBeFarOver) {
  constexpr std::uint64_t bound = 64 << 20;
  for (std::uint64_t bytes = 0; bytes <= bound + 4096; bytes += 4096) {
    const auto interval = log_check_interval(bytes, bound);
    EXPECT_GE(interval, 1ms);
    EXPECT_LE(bytes + static_cast<std::uint64_t>(interval.count()) * log_bytes_per_ms,
              bound + 2 * log_bytes_per_ms);
  }
  EXPECT_GE(log_check_interval(0, bound), 10ms);  // a quiet log is checked rarely
  EXPECT_LE(log_check_interval(0, std::uint64_t{1} << 40), 50ms);
}

TEST_P(Ending, ALogOfExactlyTheLimitIsAllowed) {
  auto start = shell("f", "head -c 1000 /dev/zero");
  start.log_bytes_max = 1000;
  EXPECT_EQ(run(start).kind, EndKind::exited);
}

TEST_P(Ending, ShutdownWaitsForNothingUnlessForced) {
  Client client(data());
  client.send(shell("f", "echo $$ > pid; sleep 60"));
  client.next<Started>();
  const auto pid = pid_in("pid");
  client.send(Shutdown{});
  EXPECT_EQ(client.next<Goodbye>(), (Goodbye{.ending = false, .running = 1}));
  client.send(Shutdown{.force = true});
  EXPECT_EQ(client.next<Goodbye>(), (Goodbye{.ending = true, .running = 1}));
  while (client.next_answer()) {
  }
  EXPECT_FALSE(is_alive(pid));
  launch();
  Client next(data());
  next.send(List{});
  EXPECT_EQ(next.next<Ended>().status, SIGKILL);
}

TEST_P(Ending, TermEndsItAndAllItsTasks) {
  Client client(data());
  client.send(shell("f", "echo $$ > pid; sleep 60"));
  client.next<Started>();
  const auto task = pid_in("pid");
  kill(static_cast<pid_t>(client.welcome.pid), SIGTERM);
  while (client.next_answer()) {
  }
  EXPECT_FALSE(is_alive(task));
  wait_until([&] { return !os::exists(at("supervisor.sock")); });
}

}  // namespace
}  // namespace sluice::supervisor
