#include "result_assertions.hpp"
#include "stage.hpp"

namespace sluice::test {
namespace {

using namespace std::chrono_literals;
using engine::Status;

/// Fails `times` times, then succeeds.
WrittenService::Work failing(int times) {
  return [left = std::make_shared<std::atomic<int>>(times)](const ports::ServiceCall&) -> Result<Struct> {
    if ((*left)-- > 0) return Fail(environment_error(Code::unavailable, "not yet"));
    return one("value", "done");
  };
}

constexpr auto retried = R"(
sluice: 1
pipelines:
  main:
    graph:
      flaky: {service: test.flaky, retry: {limit: 2, backoff: 5ms, factor: 2}}
)";

TEST(DriverRetry, WaitsLongerEachTimeAndRetries) {
  Stage stage;
  auto& flaky = stage.serve("test.flaky", failing(2));
  Server server(stage);
  EXPECT_EQ(server.run("r1", retried).status, Status::succeeded);
  EXPECT_EQ(flaky.calls("flaky"), 3);
  const auto waits = stage.events<engine::RetryAt>("r1");
  const auto ends = stage.events<engine::AttemptEnded>("r1");
  const auto starts = stage.events<engine::Scheduled>("r1");
  ASSERT_EQ(waits.size(), 2U);
  ASSERT_EQ(starts.size(), 3U);
  EXPECT_GE(waits[0].due - ends[0].outcome.usage.ended, 5ms);
  EXPECT_GE(waits[1].due - ends[1].outcome.usage.ended, 10ms);
  for (std::size_t i = 0; i < 2; ++i) EXPECT_GE(starts[i + 1].at, waits[i].due);
}

TEST(DriverRetry, EndsWithTheLastFailure) {
  Stage stage;
  auto& flaky = stage.serve("test.flaky", failing(100));
  Server server(stage);
  const auto end = server.run("r1", retried);
  EXPECT_EQ(end.status, Status::failed);
  EXPECT_EQ(flaky.calls("flaky"), 3);
  EXPECT_EQ(end.failure.message, "not yet");
  EXPECT_EQ(end.failure.source, "flaky");
  EXPECT_EQ(stage.row("r1").status, "failed");
  EXPECT_EQ(stage.row("r1").message, "not yet");
}

TEST(DriverRetry, FailuresAreNotCached) {
  Stage stage;
  auto& flaky = stage.serve("test.flaky", failing(3));
  Server server(stage);
  EXPECT_EQ(server.run("r1", retried).status, Status::failed);
  EXPECT_EQ(server.run("r2", retried).status, Status::succeeded);
  EXPECT_EQ(flaky.calls("flaky"), 4);
}

TEST(DriverStart, RefusesWhatCanNeverRun) {
  Stage stage;
  stage.serve_echo();
  Server server(stage);
  const auto start = [&](const std::string& task) {
    const auto plan = stage.plan("sluice: 1\npipelines:\n  main:\n    graph:\n      t: {" + task + "}\n");
    return server.driver().start(
        {.run = {"r1"}, .name = "plan.yaml", .pipeline = "main", .plan = ir::print_plan(*plan)}, plan);
  };
  const auto never = start("process: [run], resources: {gpu: 1}");
  ASSERT_FALSE(never);
  EXPECT_EQ(never.error().code, Code::failed_precondition);
  EXPECT_THAT(never.error().message,
              testing::HasSubstr("`t` can never start: it needs 1 GPU, and this server "));
  EXPECT_FALSE(server.driver().is_running({"r1"}));
  EXPECT_TRUE(value_of(stage.ledger->runs({.id_prefix = "r1"})).empty());

  Gate gate;
  stage.services.back()->look_up_behind(gate);
  EXPECT_OK(start("service: test.echo"));
  EXPECT_EQ(message_of(start("service: test.echo")), "run r1 is already running");
  gate.open();
  EXPECT_EQ(server.end_of("r1").status, Status::succeeded);
}

TEST(DriverStart, ATaskThatTurnsOutToNeedTooMuchFails) {
  Stage stage;
  Server server(stage, {}, {.cpu = 1'000});
  const auto end = server.run("r1",
                              "sluice: 1\npipelines:\n  main:\n    graph:\n      t: {process: [run], "
                              "resources: {cpu: '${1 + 1}'}}\n");
  EXPECT_EQ(end.failure.kind, "resources");
  EXPECT_EQ(end.failure.message,
            "it needs 2 processors, and this server has 1 CPU slots; see `sluice up --slots`");
}

TEST(DriverLimits, AJournalMayBeAsLargeAsTheLimit) {
  constexpr auto text = "sluice: 1\npipelines:\n  main:\n    graph:\n      t: {service: test.echo}\n";
  Stage stage;
  stage.serve_echo();
  engine::Limits exactly;
  {
    Server server(stage);
    EXPECT_EQ(server.run("r1", text, false).status, Status::succeeded);
    auto journal = value_of(stage.ledger->read({"r1"}));
    journal.resize(journal.size() -
                   3);  // the end of the attempt, of the task and of the run are decided together
    exactly.events = journal.size();
    exactly.bytes = 0;
    for (const auto& event : journal) exactly.bytes += event.size();
  }
  const auto end_with = [&](const std::string& run, const engine::Limits& limits) {
    Server server(stage, limits);
    return server.run(run, text, false);
  };
  EXPECT_EQ(end_with("r2", exactly).status, Status::succeeded);
  auto fewer = exactly;
  --fewer.events;
  EXPECT_EQ(end_with("r3", fewer).failure.kind, "limit");
  auto smaller = exactly;
  --smaller.bytes;
  EXPECT_EQ(end_with("r4", smaller).failure.kind, "limit");
}

TEST(DriverJournal, TheEndOfARunIsSynced) {
  Stage stage;
  stage.serve_echo();
  Server server(stage);
  server.run("r1", "sluice: 1\npipelines:\n  main:\n    graph:\n      t: {service: test.echo}\n");
  EXPECT_EQ(stage.journal_port.synced, 1);
}

TEST(DriverTimeout, CancelsTheAttemptAndFailsTheTask) {
  Stage stage;
  Gate gate;
  stage.serve("test.slow", [&](const ports::ServiceCall& call) -> Result<Struct> {
    if (!gate.pass(call.cancel)) return Fail(user_error(Code::cancelled, "stopped"));
    return Struct{};
  });
  Server server(stage);
  const auto end = server.run(
      "r1", "sluice: 1\npipelines:\n  main:\n    graph:\n      slow: {service: test.slow, timeout: 20ms}\n");
  EXPECT_EQ(end.status, Status::failed);
  EXPECT_EQ(end.failure.kind, "timeout");
  EXPECT_EQ(stage.events<engine::TimedOut>("r1").size(), 1U);
}

constexpr auto held = R"(
sluice: 1
pipelines:
  main:
    graph:
      slow: {service: test.slow}
      later: {service: test.echo, after: [slow]}
)";

TEST(DriverCancel, StopsWhatRunsAndStartsNothingMore) {
  Stage stage;
  Gate gate;
  auto& echo = stage.serve_echo();
  stage.serve("test.slow", [&](const ports::ServiceCall& call) -> Result<Struct> {
    if (!gate.pass(call.cancel)) return Fail(user_error(Code::cancelled, "stopped"));
    return Struct{};
  });
  Server server(stage);
  server.start("r1", held);
  gate.wait_for_a_call();
  EXPECT_OK(server.driver().cancel({"r1"}, "no longer wanted"));
  const auto end = server.end_of("r1");
  EXPECT_EQ(end.status, Status::cancelled);
  EXPECT_EQ(stage.row("r1").status, "cancelled");
  EXPECT_EQ(echo.calls("later"), 0);
  EXPECT_EQ(stage.events<engine::Stopping>("r1").at(0).reason, "no longer wanted");
}

TEST(DriverJournal, ARunWaitsForAFullDisk) {
  Stage stage;
  Gate gate;
  auto& echo = stage.serve_echo();
  auto& slow = stage.serve("test.slow", [&](const ports::ServiceCall& call) -> Result<Struct> {
    gate.pass(call.cancel);
    return call.with;
  });
  Server server(stage);
  server.start("r1", held);
  gate.wait_for_a_call();
  stage.journal_port.full = true;
  gate.open();
  wait_until([&] { return stage.journal_port.refused >= 2; });
  EXPECT_TRUE(server.driver().is_running({"r1"}));
  EXPECT_EQ(echo.calls("later"), 0) << "nothing follows from what is not stored";
  stage.clock.go_back(std::chrono::hours(1));  // this must not delay it
  stage.journal_port.full = false;
  EXPECT_EQ(server.end_of("r1").status, Status::succeeded);
  EXPECT_EQ(slow.calls("slow"), 1);
  EXPECT_EQ(echo.calls("later"), 1);
}

TEST(DriverExecutors, AreExactlyOneForEachKindOfWork) {
  const Stage stage;
  driver::Driver driver({.journal = *stage.ledger,
                         .index = *stage.ledger,
                         .objects = *stage.objects,
                         .clock = stage.clock,
                         .services = stage.signatures});
  executors::ServiceExecutor executor({.work = stage.folder.path() / "work"}, {}, driver, stage.clock);
  const auto problem = [&](driver::Driver::Executors executors) {
    const auto begun = driver.begin(std::move(executors));
    EXPECT_FALSE(begun);
    return begun ? "" : begun.error().message;
  };
  using Kind = engine::TaskSpec::Kind;
  EXPECT_EQ(problem({{Kind::process, &executor}, {Kind::container, &executor}}),
            "0 executors run work of kind `service`; each kind has exactly one");
  EXPECT_EQ(problem({{Kind::process, &executor}, {Kind::service, &executor}, {Kind::process, &executor}}),
            "2 executors run work of kind `process`; each kind has exactly one");
  EXPECT_OK(
      driver.begin({{Kind::process, &executor}, {Kind::container, &executor}, {Kind::service, &executor}}));
  driver.end();
}

TEST(DriverJournal, RefusesARunWhileTheDiskIsFull) {
  Stage stage;
  stage.serve_echo();
  Server server(stage);
  stage.journal_port.full = true;
  const auto plan = stage.plan("sluice: 1\npipelines:\n  main:\n    graph:\n      a: {service: test.echo}\n");
  const auto started = server.driver().start({.run = {"r1"}, .pipeline = "main"}, plan);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().message, "no space left");
  EXPECT_FALSE(server.driver().is_running({"r1"}));
}

TEST(DriverCancel, StopsAProcess) {
  Stage stage;
  Server server(stage);
  server.start("r1", R"(
sluice: 1
pipelines:
  main:
    graph:
      slow: {process: [/bin/sleep, "600"]}
)");
  wait_until([&] { return !stage.events<engine::Scheduled>("r1").empty(); });
  EXPECT_OK(server.driver().cancel({"r1"}, "no longer wanted"));
  EXPECT_EQ(server.end_of("r1").status, Status::cancelled);
}

TEST(DriverCancel, IsRefusedForARunThatHasEndedOrIsUnknown) {
  Stage stage;
  stage.serve_echo();
  Server server(stage);
  server.run("r1", "sluice: 1\npipelines:\n  main:\n    graph:\n      a: {service: test.echo}\n");
  const auto ended = server.driver().cancel({"r1"}, "late");
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().message, "run r1 has ended already");
  EXPECT_EQ(ended.error().code, Code::failed_precondition);
  const auto unknown = server.driver().cancel({"r2"}, "late");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().message, "there is no run r2");
  EXPECT_EQ(unknown.error().code, Code::not_found);
}

}  // namespace
}  // namespace sluice::test
