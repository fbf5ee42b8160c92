#include <atomic>
#include <thread>

#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ledger_fixture.hpp"
#include "result_assertions.hpp"

namespace sluice::stores {
namespace {

using ports::Durability;
using testing::ElementsAre;

class SqliteJournal : public LedgerTest {};

TEST_F(SqliteJournal, IsReadInOrderAndAfterReopening) {
  ASSERT_OK(ledger_->append({append_of("r1", 0, {"{\"t\":\"a\"}", "b"})}, Durability::process));
  ASSERT_OK(ledger_->append({append_of("r1", 2, {std::string("c\0d", 3)}), append_of("r2", 0, {"x"})},
                            Durability::power));
  EXPECT_THAT(ledger_->read({"r1"}).value(), ElementsAre("{\"t\":\"a\"}", "b", std::string("c\0d", 3)));
  EXPECT_THAT(ledger_->read({"r1"}, 2).value(), ElementsAre(std::string("c\0d", 3)));
  ledger_.reset();
  ledger_ = open();
  EXPECT_THAT(ledger_->read({"r1"}, 1).value(), ElementsAre("b", std::string("c\0d", 3)));
  EXPECT_THAT(ledger_->read({"r2"}).value(), ElementsAre("x"));
  EXPECT_THAT(ledger_->read({"r3"}).value(), ElementsAre());
}

// Before the first connection, which would have memory not counted: what is not counted has no limit.
const int counts_memory = sqlite3_initialize();

TEST_F(SqliteJournal, WantOfMemoryIsNoFailureOfTheLedger) {
  ASSERT_EQ(counts_memory, SQLITE_OK);
  ASSERT_OK(ledger_->append({append_of("r1", 0, {"a"})}, Durability::process));
  const std::string large(16 << 20, 'x');
  const auto before = sqlite3_hard_heap_limit64(sqlite3_memory_used() + (4 << 20));
  EXPECT_THROW(static_cast<void>(ledger_->append({append_of("r1", 1, {large})}, Durability::process)),
               std::bad_alloc);
  sqlite3_hard_heap_limit64(before);
  EXPECT_OK(ledger_->append({append_of("r1", 1, {large})}, Durability::process));
  sqlite3_hard_heap_limit64(sqlite3_memory_used() + (4 << 20));
  EXPECT_THROW(static_cast<void>(ledger_->read({"r1"}, 1)), std::bad_alloc);
  sqlite3_hard_heap_limit64(before);
  EXPECT_THAT(ledger_->read({"r1"}, 1).value(), ElementsAre(large));
}

TEST_F(SqliteJournal, RefusesToAppendAnywhereButAtItsEnd) {
  ASSERT_OK(ledger_->append({append_of("r1", 0, {"a", "b"})}, Durability::process));
  for (const std::uint64_t next : {0U, 1U, 3U}) {
    const auto appended = ledger_->append({append_of("r1", next, {"z"})}, Durability::process);
    ASSERT_FALSE(appended);
    EXPECT_EQ(appended.error().code, Code::conflict);
    EXPECT_EQ(appended.error().message, "run r1: its journal has 2 events, not " + std::to_string(next) +
                                            ": another engine has appended to it; read it again");
  }
  EXPECT_THAT(ledger_->read({"r1"}).value(), ElementsAre("a", "b"));
}

TEST_F(SqliteJournal, AppendsABatchWhollyOrNotAtAll) {
  auto first = append_of("r1", 0, {"a"}, "succeeded");
  first.cache = {{.key = Digest::of("k"), .outputs = Struct{}, .run = {"r1"}, .path = "t", .at = at(5)}};
  EXPECT_FALSE(ledger_->append({first, append_of("r2", 7, {"b"})}, Durability::power));
  EXPECT_THAT(ledger_->read({"r1"}).value(), ElementsAre());
  EXPECT_TRUE(ledger_->runs({})->empty());
  EXPECT_FALSE(ledger_->cached("default", Digest::of("k"))->has_value());
  // The connection is usable afterwards.
  ASSERT_OK(ledger_->append({first, append_of("r2", 0, {"b"})}, Durability::power));
  EXPECT_EQ(ledger_->runs({})->size(), 2U);
}

TEST_F(SqliteJournal, IsWrittenByManyThreadsWhileOthersRead) {
  std::atomic<int> failures{0};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&, run = "run" + std::to_string(t)] {
        for (std::uint64_t i = 0; i < 50; ++i) {
          if (!ledger_->append({append_of(run, i, {std::to_string(i)})}, Durability::process)) ++failures;
          const auto events = ledger_->read({run});
          if (!events || events->size() != i + 1) ++failures;
        }
      });
  }
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(ledger_->runs({})->size(), 4U);
}

TEST_F(SqliteJournal, LetsOnlyOneOfTwoEnginesContinue) {
  const auto other = open();
  std::atomic<int> won{0};
  std::atomic<int> conflicts{0};
  const auto engine = [&](SqliteLedger& ledger) {
    for (std::uint64_t i = 0; i < 50; ++i) {
      const auto appended = ledger.append({append_of("r", i, {"e"})}, Durability::process);
      if (appended)
        ++won;
      else if (appended.error().code == Code::conflict)
        ++conflicts;
    }
  };
  {
    std::jthread a([&] { engine(*ledger_); });
    std::jthread b([&] { engine(*other); });
  }
  EXPECT_EQ(won + conflicts, 100);
  EXPECT_EQ(ledger_->read({"r"})->size(), static_cast<std::size_t>(won));
}

TEST_F(SqliteJournal, KeepsWhatItAcknowledgedWhenTheProcessIsKilled) {
  ledger_.reset();
  int pipe_ends[2];
  ASSERT_EQ(pipe(pipe_ends), 0);
  const auto pid = fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    const auto mine = open();
    for (std::uint64_t i = 0;; ++i) {
      if (!mine->append({append_of("r", i, {"e"})}, Durability::process)) _exit(1);
      if (write(pipe_ends[1], "x", 1) != 1) _exit(1);
    }
  }
  close(pipe_ends[1]);
  char buffer[200];
  std::size_t acknowledged = 0;
  while (acknowledged < sizeof buffer) {
    const auto n = read(pipe_ends[0], buffer, sizeof buffer - acknowledged);
    ASSERT_GT(n, 0);
    acknowledged += static_cast<std::size_t>(n);
  }
  kill(pid, SIGKILL);
  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_TRUE(WIFSIGNALED(status));
  close(pipe_ends[0]);
  ledger_ = open();
  const auto events = ledger_->read({"r"});
  ASSERT_OK(events);
  EXPECT_GE(events->size(), acknowledged);
  ASSERT_OK(ledger_->append({append_of("r", events->size(), {"on"})}, Durability::process));
}

}  // namespace
}  // namespace sluice::stores
