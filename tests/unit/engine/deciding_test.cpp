// Decisions that no golden plan needs: retries within a time, stopping graphs, limits of graphs, the room of
// runs.
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "small_runs.hpp"

namespace sluice::engine {
namespace {

using testing::ElementsAre;

TEST(Retries, NoneIsDueLaterThanTheTimeAfterTheFirstAttempt) {
  const std::string task = "      t: {process: [run], retry: {limit: 9, backoff: 2s, within: ";
  const std::string script = R"({"t": ["fail", "fail", "fail", "fail", "fail"]})";
  EXPECT_THAT(Ran(task + "5s}}\n", script).retries, ElementsAre(2'000, 4'000));
  EXPECT_THAT(Ran(task + "4s}}\n", script).retries, ElementsAre(2'000, 4'000));
  EXPECT_THAT(Ran(task + "1s}}\n", script).retries, ElementsAre());
}

TEST(Retries, NeedAConditionThatHolds) {
  const std::string task = "      t: {process: [run], retry: {limit: 3, when: \"";
  const std::string script = R"({"t": ["fail"]})";
  EXPECT_EQ(Ran(task + "${error.kind == 'exit'}\"}}\n", script).attempts["t"], 2);
  EXPECT_EQ(Ran(task + "${error.kind == 'signal'}\"}}\n", script).attempts["t"], 1);
  // One that is absent, one that is an error, and one that is neither true nor false.
  EXPECT_EQ(Ran(task + "${get({}, 'x')}\"}}\n", script).attempts["t"], 1);
  EXPECT_EQ(Ran(task + "${1 / 0 == 1}\"}}\n", script).attempts["t"], 1);
  EXPECT_EQ(Ran(task + "${error.payload}\"}}\n", script).attempts["t"], 1);
}

TEST(Stopping, AGraphThatStopsCancelsItsOthersAtTheFirstFailure) {
  const Ran ran(
      "      group:\n        on_failure: stop\n        graph:\n"
      "          slow: {process: [run, slow]}\n"
      "          bad: {process: [run, bad]}\n"
      "          later: {process: [run, later], after: [slow]}\n",
      R"({"group/slow": ["never"], "group/bad": ["fail"]})");
  EXPECT_EQ(ran.ends.at("group/slow"), "cancelled cancelled: cancelled while it ran");
  EXPECT_EQ(ran.ends.at("group/later"), "cancelled cancelled: cancelled before it began");
  EXPECT_EQ(ran.ends.at("group"), "failed exit: exit status 1");
}

TEST(Stopping, AFailureThatDoesNotCountStopsNothing) {
  const Ran ran(
      "      group:\n        on_failure: stop\n        graph:\n"
      "          other: {process: [run, other]}\n"
      "          bad: {process: [run, bad], fails: false}\n",
      R"({"group/bad": ["fail"]})");
  EXPECT_EQ(ran.ends.at("group/other"), "succeeded");
  EXPECT_EQ(ran.ends.at("group"), "succeeded");
}

TEST(Stopping, TheReasonIsTheFailureThatCounts) {
  const std::string graph =
      "      group:\n        on_failure: stop\n        graph:\n"
      "          slow: {process: [run, slow]}\n"
      "          minor: {process: [run, minor], fails: false}\n"
      "          bad: {process: [run, bad]}\n";
  test::ScriptedRun run(plan_of("  main:\n    graph:\n" + graph), {},
                        test::value_of(parse_json(R"({"group/slow": ["never"], "group/minor": ["fail"],
                                                      "group/bad": ["fail"]})",
                                                  "script")));
  run.go();
  std::vector<std::string> reasons;
  for (const auto& batch : run.batches())
    for (const auto& text : batch)
      if (const auto event = test::value_of(decode(text)); std::holds_alternative<engine::Stopping>(event))
        reasons.push_back(std::get<engine::Stopping>(event).path + ": " +
                          std::get<engine::Stopping>(event).reason);
  EXPECT_THAT(reasons, ElementsAre("group/slow: `bad` failed"));
}

TEST(GraphLimit, AnOperationMayBeHeldBackTwice) {
  // When `a` ends, `b` takes its place, and `c` has to wait again.
  const Ran ran(
      "      group:\n        limit: 1\n        graph:\n"
      "          a: {process: [run, a]}\n"
      "          b: {process: [run, b], after: [a]}\n"
      "          c: {process: [run, c]}\n");
  EXPECT_THAT(ran.order, ElementsAre("group/a", "group/b", "group/c"));
  EXPECT_EQ(ran.ends.at(""), "succeeded");
}

TEST(Room, IsReleasedWhenACallABranchOrABlockEnds) {
  // Each step has one operation inside; four fit at once: the three steps, and the operation of one.
  Live live(
      "  main:\n    graph:\n"
      "      a: {call: inner}\n"
      "      b: {branch: [{when: \"${true}\", graph: {t: {process: [run]}}}], after: [a]}\n"
      "      c: {graph: {t: {process: [run]}}, after: [b]}\n"
      "  inner:\n    graph:\n      t: {process: [run]}\n",
      {.operations = 4});
  for (const std::string path : {"a/t", "b{0}/t", "c/t"}) {
    ASSERT_THAT(live.paths(), ElementsAre(path));
    live.end(path);
  }
  ASSERT_TRUE(live.run.ended());
  EXPECT_EQ(live.run.result()->status, Status::succeeded) << live.run.result()->failure.message;
}

/// Several `each` of one task.
std::string loops(const std::vector<std::pair<std::string, int>>& items) {
  std::string text = "  main:\n    graph:\n";
  for (const auto& [name, count] : items)
    text += "      " + name + ": {each: \"${range(" + std::to_string(count) +
            ")}\", as: i, graph: {t: {process: [run]}}}\n";
  return text;
}

TEST(Room, IsTakenInTurns) {
  // `b` and `c` have one iteration each, and wait for more; whoever waits longest gets what `a` releases.
  Live live(loops({{"a", 3}, {"b", 5}, {"c", 5}}), {.operations_in_iterations = 3});
  ASSERT_THAT(live.paths(), ElementsAre("a[0]/t", "a[1]/t", "a[2]/t", "b[0]/t", "c[0]/t"));
  live.end("a[0]/t");
  live.end("a[1]/t");
  EXPECT_THAT(live.paths(), ElementsAre("a[2]/t", "b[0]/t", "c[0]/t"));  // over the limit until now
  live.end("a[2]/t");
  EXPECT_THAT(live.paths(), ElementsAre("b[0]/t", "b[1]/t", "c[0]/t"));
  live.end("c[0]/t");
  EXPECT_THAT(live.paths(), ElementsAre("b[0]/t", "b[1]/t", "c[1]/t"));
}

TEST(Room, CanBeWaitedForAgain) {
  Live live(loops({{"a", 2}, {"b", 5}, {"d", 1}}), {.operations_in_iterations = 3});
  ASSERT_THAT(live.paths(), ElementsAre("a[0]/t", "a[1]/t", "b[0]/t", "d[0]/t"));
  live.end("d[0]/t");
  EXPECT_THAT(live.paths(), ElementsAre("a[0]/t", "a[1]/t", "b[0]/t"));
  live.end("a[0]/t");
  EXPECT_THAT(live.paths(), ElementsAre("a[1]/t", "b[0]/t", "b[1]/t"));
  live.end("a[1]/t");
  EXPECT_THAT(live.paths(), ElementsAre("b[0]/t", "b[1]/t", "b[2]/t"));
}

TEST(Failures, SeveralAreJoinedAndTheFirstHundredReported) {
  const auto failed = [](int count) {
    Live live(loops({{"a", count}}));
    for (int i = 0; i < count; ++i) live.end("a[" + std::to_string(i) + "]/t", Outcome::Status::failed);
    EXPECT_TRUE(live.run.ended());
    return live.run.result()->failure;
  };
  EXPECT_EQ(failed(1).message, "bad");
  EXPECT_EQ(failed(3).message, "3 of 3 failed: a[0]/t: bad; a[1]/t: bad; a[2]/t: bad");
  EXPECT_EQ(failed(4).message, "4 of 4 failed: a[0]/t: bad; a[1]/t: bad; a[2]/t: bad; …");
  const auto many = failed(102);
  EXPECT_EQ(many.kind, "branches");
  EXPECT_EQ(many.payload.if_list()->size(), 100U);
  EXPECT_THAT(many.message, testing::StartsWith("102 of 102 failed: "));
}

TEST(Failures, ABlockedOperationFailsItsRegionUnlessItMay) {
  const std::string work = "      work: {process: [run], fails: false}\n";
  const std::string script = R"({"work": ["fail"]})";
  EXPECT_EQ(Ran(work + "      x: {process: [run], after: work, fails: false}\n", script).ends.at(""),
            "succeeded");
  EXPECT_EQ(Ran(work + "      x: {process: [run], after: work, fails: false}\n"
                       "      y: {process: [run], after: work}\n",
                script)
                .ends.at(""),
            "failed blocked: `y` could not run: an upstream failed");
}

TEST(Work, OfAProcessHasItsCode) {
  auto created = RunCreated{.pipeline = "main", .cache = false};
  created.code.set("src", Artifact{.kind = "code", .form = Form::directory, .digest = Digest::of("code")});
  static const ir::Signatures none;
  engine::Run run(plan_of("  main:\n    graph: {t: {process: [run], code: src}}\n"), created, none);
  run.proceed({});
  const auto decision = run.decide(Admitted{.path = "t", .gpus = {1}}, {});
  ASSERT_EQ(decision.commands.size(), 1U);
  const auto& work = std::get<StartAttempt>(decision.commands.front()).work;
  ASSERT_TRUE(work.code);
  EXPECT_EQ(work.code->digest, Digest::of("code"));
  EXPECT_THAT(work.gpus, ElementsAre(1));
}

TEST(Cancelling, AnEachWhoseIterationsAreCancelledIsCancelled) {
  Live live(loops({{"a", 2}}));
  live.cancel();
  live.end("a[0]/t", Outcome::Status::cancelled);
  live.end("a[1]/t", Outcome::Status::cancelled);
  EXPECT_EQ(live.ends.at("a[0]/t"), Status::cancelled);
  EXPECT_EQ(live.ends.at("a"), Status::cancelled);
  EXPECT_EQ(live.run.result()->status, Status::cancelled);
}

TEST(Cancelling, ACancelledRunHasNoOutputs) {
  Live live("  main:\n    outputs: {o: \"${1}\"}\n    graph:\n      t: {process: [run]}\n");
  live.cancel();
  live.end("t");
  ASSERT_TRUE(live.run.ended());
  EXPECT_EQ(live.run.result()->status, Status::cancelled);
  EXPECT_TRUE(live.run.result()->outputs.empty());
}

TEST(Outputs, OneThatCannotBeEvaluatedFailsTheRun) {
  const Ran ran(
      "  main:\n    outputs: {good: \"${1}\", bad: \"${[1][7]}\"}\n    graph:\n      t: {process: [run]}\n");
  EXPECT_THAT(ran.ends.at(""), testing::StartsWith("failed "));
}

}  // namespace
}  // namespace sluice::engine
