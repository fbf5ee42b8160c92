// Limits on the memory of a task: by the cgroups of this machine, if it has any that limit memory, and by
// watching.
#include <algorithm>
#include <ostream>

#include "result_assertions.hpp"
#include "sluice/os/cgroup.hpp"
#include "sluice/supervisor/memory_watch.hpp"
#include "supervised.hpp"

namespace sluice::supervisor {
namespace {

struct Way {
  std::string name;
  std::vector<std::string> options;
};
void PrintTo(const Way& way, std::ostream* out) { *out << way.name; }

class Memory : public SupervisorTest, public ::testing::WithParamInterface<Way> {
 protected:
  Memory() : SupervisorTest(GetParam().options) {}
  [[nodiscard]] Start limited(const std::string& fence, const std::string& line,
                              std::uint64_t bytes = 100'000'000) const {
    auto start = shell(fence, line);
    start.memory_max = bytes;
    return start;
  }
};
INSTANTIATE_TEST_SUITE_P(Ways, Memory,
                         ::testing::Values(Way{"ByCgroup", {}},
                                           Way{"ByCgroupWithTreesByProc", {"--no-cgroups"}},
                                           Way{"ByWatchingCgroups", {"--no-memory-cgroups"}},
                                           Way{"ByWatchingProc", {"--no-cgroups", "--no-memory-cgroups"}}),
                         [](const auto& param) { return param.param.name; });

/// A command that reads so many megabytes into memory: `tail` keeps them, and prints them at the end.
std::string use(int megabytes) {
  const auto bytes = std::to_string(megabytes) + "M";
  return "head -c " + bytes + " /dev/zero | tail -c " + bytes + " > /dev/null";
}
/// The same, but it keeps them: `tail` waits for a reader.
std::string hold(int megabytes) {
  const auto bytes = std::to_string(megabytes) + "M";
  return "head -c " + bytes + " /dev/zero | tail -c " + bytes + " | sleep 600";
}

TEST_P(Memory, ATaskThatExceedsItsLimitIsKilled) {
  const auto ended = run(limited("f", hold(200)));
  EXPECT_EQ(ended.kind, EndKind::memory);
  EXPECT_FALSE(ended.cancelled);
  EXPECT_GT(ended.memory_peak, 50'000'000);
}

// Nothing to see on a machine that has no such groups.
TEST_P(Memory, ALimitedTaskIsInAGroupUnlessItIsWatched) {
  if (!os::MemoryGroups::make("probe-of-" + data().filename().string())) return;
  EXPECT_EQ(run(limited("f", "grep -c ':memory:.*/sluice-' /proc/self/cgroup || true")).kind,
            EndKind::exited);
  const auto is_watched =
      std::ranges::find(GetParam().options, "--no-memory-cgroups") != GetParam().options.end();
  EXPECT_EQ(text_of("f.log"), is_watched ? "0\n" : "1\n");
}

TEST_P(Memory, ATaskJustBelowItsLimitIsNot) { EXPECT_EQ(run(limited("f", use(80) + "; exit 7")).status, 7); }

// The kernel may kill that child alone.
TEST_P(Memory, ATaskIsKilledWithTheChildThatExceedsIt) {
  const auto ended = run(limited("f", "(" + hold(200) + ") & wait; echo $$ > pid; sleep 600"));
  EXPECT_EQ(ended.kind, EndKind::memory);
}

TEST_P(Memory, TheLimitIsOnAllProcessesTogether) {
  const auto ended = run(limited("f", "for i in 1 2 3; do " + hold(45) + " & done; wait"));
  EXPECT_EQ(ended.kind, EndKind::memory);
}

TEST_P(Memory, ADaemonCountsToo) {
  const auto ended = run(limited("f", "setsid sh -c '(" + hold(200) + ") &'; exec sleep 600"));
  EXPECT_EQ(ended.kind, EndKind::memory);
}

TEST_P(Memory, WhatForkedProcessesShareCountsOnce) {
  Client client(data());
  client.send(List{.since = 1'000'000, .follow = true});
  client.next<Holding>();
  client.send(limited("f",
                      "x=$(head -c 20M /dev/zero | tr '\\0' x); "
                      "for i in 1 2 3 4 5 6 7 8; do (sleep 600; true) & done; echo > up; "
                      "while ! test -e open; do sleep 0.01; done; exit 7"));
  client.next<Started>();
  wait_until([&] { return os::exists(at("up")); });
  // When this one has been found, that one has been measured too, several times.
  client.send(limited("other", hold(200)));
  client.next<Started>();
  EXPECT_EQ(client.next<Ended>().fence, "other");
  ASSERT_OK(os::write_file(at("open"), ""));
  const auto ended = client.next<Ended>();
  EXPECT_EQ(ended.kind, EndKind::exited);
  EXPECT_EQ(ended.status, 7);
}

TEST_P(Memory, FilesThatAreReadAndWrittenDoNotCount) {
  EXPECT_EQ(run(limited("f", "head -c 120M /dev/zero > file; cat file > /dev/null; rm file; exit 7")).status,
            7);
}

TEST_P(Memory, OtherTasksAreLeftAlone) {
  Client client(data());
  client.send(List{.since = 1'000'000, .follow = true});
  client.next<Holding>();
  client.send(limited("other", "echo $$ > pid; exec sleep 600", 50'000'000));
  client.next<Started>();
  const auto other = pid_in("pid");
  client.send(limited("f", hold(200)));
  client.next<Started>();
  EXPECT_EQ(client.next<Ended>().kind, EndKind::memory);
  EXPECT_TRUE(is_alive(other));
  client.send(Cancel{.fence = "other"});
  const auto ended = client.next<Ended>();
  EXPECT_EQ(ended.fence, "other");
  EXPECT_EQ(ended.kind, EndKind::signalled);
}

TEST_P(Memory, TheNextTasksHaveLimitsOfTheirOwn) {
  for (const auto* number : {"1", "2"}) {
    EXPECT_EQ(run(limited(std::string("small") + number, hold(60), 30'000'000)).kind, EndKind::memory);
    EXPECT_EQ(run(limited(std::string("large") + number, use(60) + "; exit 7")).status, 7);
    EXPECT_EQ(run(shell(std::string("free") + number, use(120) + "; exit 7")).status, 7);
  }
}

TEST_P(Memory, AnEndByMemoryIsKeptUntilItIsAcknowledged) {
  EXPECT_EQ(run(limited("f", hold(200))).kind, EndKind::memory);
  Client client(data());
  client.send(Shutdown{});
  while (client.next_answer()) {
  }
  wait_until([&] { return !*os::FileLock::holder_of(at("supervisor.lock")); });
  launch();
  Client next(data());
  next.send(List{});
  EXPECT_EQ(next.next<Ended>().kind, EndKind::memory);
}

TEST_P(Memory, ACancelledTaskIsReportedAsSuch) {
  Client client(data());
  client.send(List{.since = 1'000'000, .follow = true});
  client.next<Holding>();
  client.send(limited("f", "echo $$ > pid; exec sleep 600"));
  client.next<Started>();
  EXPECT_GT(pid_in("pid"), 0);
  client.send(Cancel{.fence = "f"});
  const auto ended = client.next<Ended>();
  EXPECT_TRUE(ended.cancelled);
  EXPECT_EQ(ended.kind, EndKind::signalled);
}

// Less than the kernel needs for any process: a group refuses it, and no other watches so short a program.
TEST_P(Memory, ALimitOfNearlyNothingEndsTheTask) {
  EXPECT_EQ(run(limited("f", "exec sleep 600", 4096)).kind, EndKind::memory);
}

TEST(MemoryWatch, ATreeIsMeasuredBeforeItCanBeFarOver) {
  constexpr std::uint64_t bound = std::uint64_t{4} << 30;
  for (std::uint64_t bytes = 0; bytes <= bound + (1 << 20); bytes += 1 << 20) {
    const auto interval = memory_check_interval(bytes, bound);
    EXPECT_GE(interval, 4ms);
    EXPECT_LE(bytes + static_cast<std::uint64_t>(interval.count()) * memory_bytes_per_ms,
              bound + 5 * memory_bytes_per_ms);
  }
  EXPECT_EQ(memory_check_interval(0, bound), 100ms);  // a small tree is measured rarely
}

}  // namespace
}  // namespace sluice::supervisor
