#include "result_assertions.hpp"
#include "stage.hpp"

namespace sluice::test {
namespace {

using namespace std::chrono_literals;
using engine::Status;

constexpr auto three = R"(
sluice: 1
pipelines:
  main:
    outputs: {n: "${third.value}"}
    graph:
      first: {service: test.echo, with: {value: 1}}
      second: {service: test.held, with: {value: "${first.value}"}}
      third: {service: test.echo, with: {value: "${second.value}"}}
)";

/// A stage whose service test.held waits at a gate.
struct HeldStage : Stage {
  HeldStage()
      : held(serve("test.held",
                   [this](const ports::ServiceCall& call) -> Result<Struct> {
                     if (!gate.pass(call.cancel)) return Fail(user_error(Code::cancelled, "stopped"));
                     return call.with;
                   })),
        echo(serve_echo()) {}
  Gate gate;
  WrittenService& held;
  WrittenService& echo;
};

TEST(DriverResume, ContinuesAfterACrashAndRunsNoFinishedTaskAgain) {
  HeldStage stage;
  {
    Server server(stage);
    server.start("r1", three, false);
    stage.gate.wait_for_a_call();
  }
  EXPECT_EQ(stage.row("r1").status, "running");
  stage.gate.open();
  Server server(stage);
  ASSERT_OK(server.driver().resume({"r1"}));
  const auto end = server.end_of("r1");
  EXPECT_EQ(end.status, Status::succeeded);
  EXPECT_EQ(to_json(end.outputs), R"({"n":1})");
  EXPECT_EQ(stage.echo.calls("first"), 1);
  EXPECT_EQ(stage.held.calls("second"), 2);
  EXPECT_EQ(stage.echo.calls("third"), 1);
  EXPECT_EQ(stage.events<engine::Scheduled>("r1").size(), 3U)
      << "the attempt that was cut short is the same attempt";
}

TEST(DriverResume, CallsAnEffectAgainUnderTheSameKey) {
  Stage stage;
  Gate gate;
  std::vector<std::string> keys;
  stage.serve(
      "test.effect",
      [&](const ports::ServiceCall& call) -> Result<Struct> {
        keys.push_back(call.effect_key);
        if (!gate.pass(call.cancel)) return Fail(user_error(Code::cancelled, "stopped"));
        return Struct{};
      },
      ir::Effect::idempotent);
  {
    Server server(stage);
    server.start("r1", "sluice: 1\npipelines:\n  main:\n    graph:\n      put: {service: test.effect}\n");
    gate.wait_for_a_call();
  }
  gate.open();
  Server server(stage);
  ASSERT_OK(server.driver().resume({"r1"}));
  EXPECT_EQ(server.end_of("r1").status, Status::succeeded);
  EXPECT_EQ(keys, (std::vector<std::string>{"r1/put", "r1/put"}));
}

TEST(DriverResume, ReattachesToAProcessThatOutlivedTheServer) {
  Stage stage;
  const auto folder = stage.folder.path();
  const auto text = R"(
sluice: 1
pipelines:
  main:
    outputs: {n: "${wait.n}"}
    graph:
      wait:
        process: [/bin/sh, -c, "echo begun >> $1/begun; until [ -e $1/go ]; do sleep 0.02; done; echo 7 > $2", sh, ")" +
                    folder.string() + R"(", "${out.n}"]
        outputs: {n: {type: integer}}
)";
  {
    Server server(stage);
    server.start("r1", text);
    wait_until([&] { return os::exists(folder / "begun"); });
  }
  ASSERT_OK(os::write_file(folder / "go", ""));
  Server server(stage);
  ASSERT_OK(server.driver().resume({"r1"}));
  const auto end = server.end_of("r1");
  EXPECT_EQ(end.status, Status::succeeded) << end.failure.message;
  EXPECT_EQ(to_json(end.outputs), R"({"n":7})");
  EXPECT_EQ(value_of(os::read_file(folder / "begun")), "begun\n");
}

TEST(DriverResume, DoesNothingIfTheRunIsRunningOrHasEnded) {
  HeldStage stage;
  Server server(stage);
  server.start("r1", three);
  stage.gate.wait_for_a_call();
  EXPECT_OK(server.driver().resume({"r1"}));
  stage.gate.open();
  EXPECT_EQ(server.end_of("r1").status, Status::succeeded);
  const auto length = stage.journal("r1").size();
  EXPECT_OK(server.driver().resume({"r1"}));
  EXPECT_FALSE(server.driver().is_running({"r1"}));
  EXPECT_EQ(stage.journal("r1").size(), length);
  EXPECT_EQ(stage.held.calls("second"), 1);
}

TEST(DriverResume, BeginsARunThatWasOnlyCreated) {
  HeldStage stage;
  stage.gate.open();
  const auto plan = stage.plan(three);
  const engine::RunCreated created{.run = {"r1"},
                                   .name = "plan.yaml",
                                   .pipeline = "main",
                                   .plan = ir::print_plan(*plan),
                                   .at = stage.clock.now()};
  ASSERT_OK(stage.ledger->append(
      {{.run = {"r1"},
        .expected_next = 0,
        .events = {engine::encode(created)},
        .row = ports::RunRow{.id = {"r1"}, .name = "plan.yaml", .status = "running", .created = created.at},
        .cache = {}}},
      ports::Durability::process));
  Server server(stage);
  ASSERT_OK(server.driver().resume({"r1"}));
  EXPECT_EQ(server.end_of("r1").status, Status::succeeded);
  EXPECT_EQ(stage.held.calls("second"), 1);
}

TEST(DriverResume, KeepsToTheTimeOfARetryThatWasDecidedBefore) {
  Stage stage;
  std::atomic<bool> fails = true;
  auto& flaky = stage.serve("test.flaky", [&](const ports::ServiceCall&) -> Result<Struct> {
    if (fails) return Fail(environment_error(Code::unavailable, "not yet"));
    return Struct{};
  });
  {
    Server server(stage);
    server.start("r1",
                 "sluice: 1\npipelines:\n  main:\n    graph:\n      flaky: {service: test.flaky, retry: "
                 "{limit: 1, backoff: 1h}}\n");
    wait_until([&] { return !stage.events<engine::RetryAt>("r1").empty(); });
  }
  fails = false;
  stage.clock.go_forward(2h);
  Server server(stage);
  ASSERT_OK(server.driver().resume({"r1"}));
  EXPECT_EQ(server.end_of("r1").status, Status::succeeded);
  EXPECT_EQ(flaky.calls("flaky"), 2);
}

TEST(DriverResume, EndsACancelledRunWhoseServerDied) {
  HeldStage stage;
  {
    Server server(stage);
    server.start("r1", three);
    stage.gate.wait_for_a_call();
    ASSERT_OK(server.driver().cancel({"r1"}, "no longer wanted"));
  }
  Server server(stage);
  ASSERT_OK(server.driver().resume({"r1"}));
  EXPECT_EQ(server.end_of("r1").status, Status::cancelled);
  EXPECT_EQ(stage.echo.calls("third"), 0);
}

TEST(DriverResume, ReportsWhichRunIsMissingOrDamaged) {
  HeldStage stage;
  Server server(stage);
  const auto unknown = server.driver().resume({"r9"});
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().message, "there is no run r9");
  EXPECT_EQ(unknown.error().code, Code::not_found);
  const auto ended = engine::encode(engine::Ended{.path = "a", .at = stage.clock.now()});
  ASSERT_OK(stage.ledger->append({{.run = {"r1"},
                                   .expected_next = 0,
                                   .events = {ended},
                                   .row = ports::RunRow{.id = {"r1"}, .status = "running"},
                                   .cache = {}}},
                                 ports::Durability::process));
  const auto damaged = server.driver().resume({"r1"});
  ASSERT_FALSE(damaged);
  EXPECT_EQ(damaged.error().message, "run r1: its journal does not begin with its creation");
  EXPECT_EQ(damaged.error().code, Code::data_loss);

  const engine::RunCreated created{
      .run = {"r2"}, .pipeline = "main", .plan = ir::print_plan(*stage.plan(three)), .at = stage.clock.now()};
  ASSERT_OK(stage.ledger->append({{.run = {"r2"},
                                   .expected_next = 0,
                                   .events = {engine::encode(created), ended},
                                   .row = ports::RunRow{.id = {"r2"}, .status = "running"},
                                   .cache = {}}},
                                 ports::Durability::process));
  const auto unfit = server.driver().resume({"r2"});
  ASSERT_FALSE(unfit);
  EXPECT_EQ(unfit.error().message,
            "run r2: event 1: the journal does not fit the plan: there is no operation `a`");
  EXPECT_EQ(unfit.error().code, Code::data_loss);
}

}  // namespace
}  // namespace sluice::test
