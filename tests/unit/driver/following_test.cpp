#include "result_assertions.hpp"
#include "stage.hpp"

namespace sluice::test {
namespace {

using namespace std::chrono_literals;
using engine::Status;

constexpr auto held_plan = "sluice: 1\npipelines:\n  main:\n    graph:\n      slow: {service: test.slow}\n";

/// A stage with a service that waits at a gate.
struct SlowStage : Stage {
  SlowStage() {
    serve("test.slow", [this](const ports::ServiceCall& call) -> Result<Struct> {
      if (!gate.pass(call.cancel)) return Fail(user_error(Code::cancelled, "stopped"));
      return Struct{};
    });
  }
  Gate gate;
};

std::future<void> longer(Server& server, const std::string& run, std::uint64_t length, Time deadline) {
  auto called = std::make_shared<std::promise<void>>();
  auto future = called->get_future();
  server.driver().notify_when_longer({run}, length, deadline, [called] { called->set_value(); });
  return future;
}

TEST(DriverFollow, CallsBackAtOnceWhereTheJournalIsLongerAlready) {
  SlowStage stage;
  Server server(stage);
  server.start("r1", held_plan);
  longer(server, "r1", 0, stage.clock.now() + 1h).get();
  stage.gate.open();
}

TEST(DriverFollow, OneThatWaitsDelaysNoOther) {
  SlowStage stage;
  Server server(stage);
  server.start("r1", held_plan);
  const auto waits = longer(server, "r1", 1'000, stage.clock.now() + 1h);
  longer(server, "r1", 0, stage.clock.now() + 1h).get();
  stage.gate.open();
}

std::string waiting_in(Server& server) {
  std::string out;
  for (const auto& task : server.driver().under_way({"r1"}, 10))
    out += task.path + ": " + task.waits_for + "\n";
  return out;
}

TEST(DriverFollow, SaysWhatTasksWaitFor) {
  SlowStage stage;
  Server server(stage, {}, {.tasks = 1});
  server.start(
      "r1",
      "sluice: 1\npipelines:\n  main:\n    graph:\n"
      "      slow: {service: test.slow, cache: off}\n      later: {service: test.slow, cache: off}\n");
  wait_until([&] { return waiting_in(server) == "later: task\n"; });
  stage.gate.open();
  EXPECT_EQ(server.end_of("r1").status, Status::succeeded);
  EXPECT_TRUE(server.driver().under_way({"r1"}, 10).empty());
}

TEST(DriverFollow, CallsBackOnceThereIsMore) {
  SlowStage stage;
  Server server(stage);
  server.start("r1", held_plan);
  stage.gate.wait_for_a_call();
  const auto length = stage.journal("r1").size();
  auto called = longer(server, "r1", length, stage.clock.now() + 1h);
  EXPECT_EQ(called.wait_for(0s), std::future_status::timeout);
  stage.gate.open();
  called.get();
  EXPECT_GT(stage.journal("r1").size(), length);
}

TEST(DriverFollow, CallsBackAtTheDeadline) {
  SlowStage stage;
  Server server(stage);
  server.start("r1", held_plan);
  stage.gate.wait_for_a_call();
  const auto deadline = stage.clock.now() + 20ms;
  longer(server, "r1", 1'000, deadline).get();
  EXPECT_GE(stage.clock.now(), deadline);
  EXPECT_TRUE(server.driver().is_running({"r1"}));
}

TEST(DriverFollow, CallsBackAtOnceForARunThatIsNotRunning) {
  SlowStage stage;
  Server server(stage);
  longer(server, "nobody", 0, stage.clock.now() + 1h).get();
  stage.gate.open();
  server.run("r1", held_plan);
  longer(server, "r1", 1'000, stage.clock.now() + 1h).get();
}

TEST(DriverFollow, CallsBackWhenTheDriverEnds) {
  SlowStage stage;
  Server server(stage);
  server.start("r1", held_plan);
  stage.gate.wait_for_a_call();
  auto called = longer(server, "r1", 1'000, stage.clock.now() + 1h);
  server.driver().end();
  called.get();
  longer(server, "r1", 1'000, stage.clock.now() + 1h).get();
}

TEST(DriverEnd, LaterCallsAreRefused) {
  SlowStage stage;
  Server server(stage);
  server.driver().end();
  for (const auto& refused : {server.driver().cancel({"r1"}, "late"), server.driver().resume({"r1"})}) {
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message, "this server is shutting down; retry when it is running again");
    EXPECT_EQ(refused.error().code, Code::unavailable);
  }
}

/// Appends an event to the run's journal without its driver's knowledge, as a second server would.
void append_externally(Stage& stage, const std::string& run) {
  const auto length = stage.journal(run).size();
  const auto event = engine::encode(engine::Stopping{.path = "", .reason = "another server"});
  ASSERT_OK(stage.ledger->append(
      {{.run = {run}, .expected_next = length, .events = {event}, .row = stage.row(run), .cache = {}}},
      ports::Durability::process));
}

TEST(DriverConflict, StopsTheRunWhoseJournalAnotherServerWrote) {
  SlowStage stage;
  Server server(stage);
  server.start("r1", held_plan);
  stage.gate.wait_for_a_call();
  append_externally(stage, "r1");
  const auto length = stage.journal("r1").size();
  auto called = longer(server, "r1", 1'000, stage.clock.now() + 1h);
  stage.gate.open();
  called.get();
  EXPECT_FALSE(server.driver().is_running({"r1"}));
  EXPECT_EQ(stage.journal("r1").size(), length);
  EXPECT_EQ(stage.row("r1").status, "running");
}

TEST(DriverConflict, DoesNotAffectOtherRuns) {
  SlowStage stage;
  Server server(stage);
  const std::vector<std::string> others{"r1", "r2", "r4"};
  for (const auto* run : {"r1", "r2", "r3", "r4"}) server.start(run, held_plan, false);
  for (const auto* run : {"r3", "r4"})
    wait_until([&] { return !stage.events<engine::Scheduled>(run).empty(); });
  append_externally(stage, "r3");
  stage.gate.open();
  for (const auto& run : others) EXPECT_EQ(server.end_of(run).status, Status::succeeded);
  server.wait("r3");
  EXPECT_TRUE(stage.events<engine::RunEnded>("r3").empty());
}

TEST(DriverConflict, RefusesARunWhoseIdIsTaken) {
  SlowStage stage;
  stage.gate.open();
  Server server(stage);
  server.run("r1", held_plan);
  const auto plan = stage.plan(held_plan);
  const auto again = server.driver().start(
      {.run = {"r1"}, .name = "plan.yaml", .pipeline = "main", .plan = ir::print_plan(*plan)}, plan);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::conflict);
}

}  // namespace
}  // namespace sluice::test
