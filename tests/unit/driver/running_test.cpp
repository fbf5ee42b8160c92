#include <algorithm>
#include <variant>

#include <fmt/format.h>

#include "stage.hpp"

namespace sluice::test {
namespace {

using namespace std::chrono_literals;
using engine::Status;

constexpr auto chain = R"(
sluice: 1
pipelines:
  main:
    outputs: {last: "${second.value}"}
    graph:
      first: {service: test.echo, with: {value: [1, 2.0]}}
      second: {service: test.echo, with: {value: {got: "${first.value}"}}}
)";

TEST(Driver, RunsAPlanToItsEnd) {
  Stage stage;
  auto& echo = stage.serve_echo();
  Server server(stage);
  const auto end = server.run("r1", chain);
  EXPECT_EQ(end.status, Status::succeeded);
  EXPECT_EQ(to_json(end.outputs), R"({"last":{"got":[1,2.0]}})");
  EXPECT_EQ(echo.calls("first"), 1);
  EXPECT_EQ(echo.calls("second"), 1);
  const auto row = stage.row("r1");
  EXPECT_EQ(row.status, "succeeded");
  EXPECT_TRUE(row.ended);
}

TEST(Driver, HasTheRunInTheJournalWhenStartReturns) {
  Stage stage;
  Gate gate;
  stage.serve("test.echo", [&](const ports::ServiceCall& call) -> Result<Struct> {
    gate.pass(call.cancel);
    return call.with;
  });
  Server server(stage);
  server.start("r1", chain);
  EXPECT_FALSE(stage.journal("r1").empty());
  EXPECT_EQ(stage.row("r1").status, "running");
  gate.open();
  EXPECT_EQ(server.end_of("r1").status, Status::succeeded);
}

TEST(Driver, ASlowLookUpHoldsUpNoOtherRun) {
  Stage stage;
  Gate gate;
  stage.serve_echo("test.slow").look_up_behind(gate);
  stage.serve_echo();
  Server server(stage);
  const auto one = [](const std::string& service) {
    return "sluice: 1\npipelines: {main: {graph: {a: {service: " + service + ", with: {value: 1}}}}}\n";
  };
  server.start("slow", one("test.slow"));
  gate.wait_for_a_call();
  for (int i = 0; i < 100; ++i)
    EXPECT_EQ(server.run("r" + std::to_string(i), one("test.echo")).status, Status::succeeded);
  EXPECT_TRUE(server.driver().is_running({"slow"}));
  gate.open();
  EXPECT_EQ(server.end_of("slow").status, Status::succeeded);
}

TEST(Driver, ACachedOutputHasTheNameOfThePlanThatReadsIt) {
  Stage stage;
  Server server(stage);
  const auto plan = [](std::string_view first, std::string_view second) {
    return fmt::format(R"(
sluice: 1
pipelines:
  main:
    outputs: {{first: "${{two.{0}}}", second: "${{two.{1}}}"}}
    graph:
      two:
        process: [/bin/sh, -c, "echo 1 > $1; echo 2 > $2", sh, "${{out.{0}}}", "${{out.{1}}}"]
        outputs: {{{0}: {{type: integer}}, {1}: {{type: integer}}}}
)",
                       first, second);
  };
  constexpr auto expected = R"({"first":1,"second":2})";
  EXPECT_EQ(to_json(server.run("r1", plan("a", "b")).outputs), expected);
  EXPECT_EQ(to_json(server.run("r2", plan("c", "d")).outputs), expected);
  EXPECT_EQ(to_json(server.run("r3", plan("b", "a")).outputs), expected);
  const auto hit = [&](const char* run) {
    return std::ranges::any_of(stage.journal(run), [](const engine::Event& event) {
      return std::holds_alternative<engine::CacheHit>(event);
    });
  };
  EXPECT_TRUE(hit("r2"));
  EXPECT_TRUE(hit("r3"));
}

TEST(Driver, ACachedResultWithoutAnOptionalOutputIsReusedUnderItsOwnNamesOnly) {
  Stage stage;
  Server server(stage);
  const auto plan = [](std::string_view first, std::string_view second) {
    return fmt::format(R"(
sluice: 1
pipelines:
  main:
    outputs: {{first: "${{two.{0}}}", second: "${{two.{1}}}"}}
    graph:
      two:
        process: [/bin/sh, -c, "echo 1 > $2", sh, "${{out.{0}}}", "${{out.{1}}}"]
        outputs: {{{0}: {{type: integer, optional: true}}, {1}: {{type: integer}}}}
)",
                       first, second);
  };
  constexpr auto expected = R"({"second":1})";
  for (const auto* run : {"r1", "r2"}) EXPECT_EQ(to_json(server.run(run, plan("a", "b")).outputs), expected);
  EXPECT_EQ(stage.events<engine::CacheHit>("r2").size(), 1U);
  // The one that is there has another place now, or another name.
  EXPECT_EQ(to_json(server.run("r3", plan("b", "a")).outputs), expected);
  EXPECT_EQ(to_json(server.run("r4", plan("b", "c")).outputs), expected);
  EXPECT_EQ(to_json(server.run("r5", plan("a", "c")).outputs), expected);
}

TEST(Driver, RunsAProcessAndReadsItsOutput) {
  Stage stage;
  Server server(stage);
  const auto end = server.run("r1", R"(
sluice: 1
pipelines:
  main:
    outputs: {n: "${count.n}"}
    graph:
      count: {process: [/bin/sh, -c, "echo 42 > $1", sh, "${out.n}"], outputs: {n: {type: integer}}}
)");
  EXPECT_EQ(end.status, Status::succeeded) << end.failure.message;
  EXPECT_EQ(to_json(end.outputs), R"({"n":42})");
}

TEST(Driver, RunsManyRunsAtOnce) {
  Stage stage;
  auto& echo = stage.serve_echo();
  Server server(stage);
  constexpr int count = 50;
  for (int i = 0; i < count; ++i) server.start("r" + std::to_string(i), chain, false);
  for (int i = 0; i < count; ++i) EXPECT_EQ(server.end_of("r" + std::to_string(i)).status, Status::succeeded);
  EXPECT_EQ(echo.calls("first"), count);
}

TEST(DriverCache, RunsNothingAgainThatWasDone) {
  Stage stage;
  auto& echo = stage.serve_echo();
  Server server(stage);
  server.run("r1", chain);
  const auto end = server.run("r2", chain);
  EXPECT_EQ(to_json(end.outputs), R"({"last":{"got":[1,2.0]}})");
  EXPECT_EQ(echo.calls("first"), 1);
  EXPECT_EQ(echo.calls("second"), 1);
  const auto hits = stage.events<engine::CacheHit>("r2");
  ASSERT_EQ(hits.size(), 2U);
  EXPECT_EQ(hits[1].path, "second");
  EXPECT_EQ(hits[1].run.text, "r1");
  EXPECT_EQ(hits[1].made_by, "second");
}

TEST(DriverCache, RunsAgainWhatHasANewEnvironment) {
  Stage stage;
  auto& echo = stage.serve_echo();
  Server server(stage);
  server.run("r1", chain);
  echo.set_environment("another model");
  server.run("r2", chain);
  EXPECT_EQ(echo.calls("first"), 2);
}

TEST(DriverCache, LooksNothingUpForARunThatDoesNotWantIt) {
  Stage stage;
  auto& echo = stage.serve_echo();
  Server server(stage);
  server.run("r1", chain);
  server.run("r2", chain, false);
  EXPECT_EQ(echo.calls("first"), 2);
}

TEST(DriverCache, CallsAnEffectEachTimeWithAKeyOfItsRunAndTask) {
  Stage stage;
  std::vector<std::string> keys;
  auto& effect = stage.serve(
      "test.effect",
      [&](const ports::ServiceCall& call) -> Result<Struct> {
        keys.push_back(call.effect_key);
        return Struct{};
      },
      ir::Effect::idempotent);
  Server server(stage);
  constexpr auto text = "sluice: 1\npipelines:\n  main:\n    graph:\n      put: {service: test.effect}\n";
  server.run("r1", text);
  server.run("r2", text);
  EXPECT_EQ(effect.calls("put"), 2);
  EXPECT_EQ(keys, (std::vector<std::string>{"r1/put", "r2/put"}));
}

TEST(DriverCache, MakesAnOutputAgainWhoseBytesAreGone) {
  Stage stage;
  auto& write = stage.serve("test.write", [&](const ports::ServiceCall&) -> Result<Struct> {
    SLUICE_TRY(stored, stage.objects->put("some bytes"));
    return one("value",
               List{one("file", Artifact{.kind = "any", .digest = stored.digest, .size = stored.size})});
  });
  Server server(stage);
  constexpr auto text = "sluice: 1\npipelines:\n  main:\n    graph:\n      make: {service: test.write}\n";
  server.run("r1", text);
  server.run("r2", text);
  EXPECT_EQ(write.calls("make"), 1);
  std::filesystem::remove(stage.objects->path_of(Digest::of("some bytes")));
  server.run("r3", text);
  EXPECT_EQ(write.calls("make"), 2);
}

TEST(DriverCache, IgnoresEntriesOlderThanTheTaskAllows) {
  Stage stage;
  auto& echo = stage.serve_echo();
  Server server(stage);
  constexpr auto text =
      "sluice: 1\npipelines:\n  main:\n    graph:\n      a: {service: test.echo, cache: {max_age: 1h}}\n";
  server.run("r1", text);
  stage.clock.go_forward(59min);
  server.run("r2", text);
  EXPECT_EQ(echo.calls("a"), 1);
  stage.clock.go_forward(2min);
  server.run("r3", text);
  EXPECT_EQ(echo.calls("a"), 2);
}

TEST(DriverCache, KeepsToTheRunWhereTheTaskSaysSo) {
  Stage stage;
  auto& echo = stage.serve_echo();
  Server server(stage);
  constexpr auto text = R"(
sluice: 1
pipelines:
  main:
    graph:
      a: {service: test.echo, cache: {scope: run}}
      b: {service: test.echo, cache: {scope: run}, after: [a]}
)";
  server.run("r1", text);
  EXPECT_EQ(echo.calls("a") + echo.calls("b"), 1);
  server.run("r2", text);
  EXPECT_EQ(echo.calls("a") + echo.calls("b"), 2);
}

}  // namespace
}  // namespace sluice::test
