#include "native_stage.hpp"
#include "result_assertions.hpp"

namespace sluice::test {
namespace {

constexpr auto printing_plan = R"(
sluice: 1
pipelines:
  main:
    graph:
      say: {process: [/bin/sh, -c, "echo hello; [ -e $1/again ] || { touch $1/again; exit 1; }", sh, "FOLDER"], retry: {limit: 1}}
      quiet: {service: test.echo}
)";

/// A plan whose tasks use the stage's folder.
std::string in_folder(NativeStage& s, std::string text) {
  return text.replace(text.find("FOLDER"), 6, s.stage.folder.path().string());
}

TEST(NativeLogs, AreThoseOfTheLatestAttemptByDefault) {
  NativeStage s;
  const auto run = ended(s, plan_body(in_folder(s, printing_plan)));
  const auto newest = s.get("/v1/runs/" + run + "/log?task=say");
  EXPECT_EQ(newest.status, 200) << newest.body;
  EXPECT_EQ(newest.content_type, "text/plain; charset=utf-8");
  EXPECT_EQ(value_of(os::read_file(newest.body_file)), "hello\n");
  const auto first = s.get("/v1/runs/" + run + "/log?task=say&attempt=1");
  EXPECT_NE(first.body_file, newest.body_file);
  EXPECT_EQ(refusal(s.get("/v1/runs/" + run + "/log?task=say&attempt=9")),
            "404: task `say` has written no log");
}

TEST(NativeLogs, OfACachedTaskAreThoseOfTheAttemptThatProducedIt) {
  NativeStage s;
  const auto first = ended(s, plan_body(in_folder(s, printing_plan)));
  const auto second = ended(s, plan_body(in_folder(s, printing_plan)));
  EXPECT_TRUE(json_of(s.get("/v1/runs/" + second)).find("tasks")->if_list()->at(0).boolean_at("cached"));
  EXPECT_EQ(s.get("/v1/runs/" + second + "/log?task=say").body_file,
            s.get("/v1/runs/" + first + "/log?task=say&attempt=2").body_file);
}

TEST(NativeLogs, AreGivenForTasksOfTheJournalOnly) {
  NativeStage s;
  const auto run = ended(s, plan_body(in_folder(s, printing_plan)));
  for (const auto* task : {"../say", "..%2f..%2fledger.db", "%2Fetc%2Fpasswd", "nobody", "", "say%2F.."})
    EXPECT_NE(refusal(s.get("/v1/runs/" + run + "/log?task=" + task)).find("; tasks with a log: `say`"),
              std::string::npos)
        << task;
  EXPECT_EQ(refusal(s.get("/v1/runs/" + run + "/log?task=quiet")),
            "404: task `quiet` has written no log; it is a service");
}

constexpr auto slow_plan = R"(
sluice: 1
pipelines:
  main:
    graph:
      first: {process: [/bin/sh, -c, "echo one; while [ ! -e $1/go ]; do sleep 0.01; done; echo two; exit 1", sh, "FOLDER"]}
      second: {process: [/bin/sh, -c, "echo three"], after: [first]}
)";

TEST(NativeLogs, AreFollowedUntilTheTaskHasEnded) {
  NativeStage s;
  const auto run = submitted(s, plan_body(in_folder(s, slow_plan)));
  const auto answer = s.get("/v1/runs/" + run + "/log?task=first&follow=1");
  EXPECT_EQ(answer.content_type, "text/plain; charset=utf-8");
  ASSERT_TRUE(answer.stream) << answer.body;
  EXPECT_EQ(next_piece(*answer.stream), "one\n");
  ASSERT_OK(os::write_file(s.stage.folder.path() / "go", ""));
  EXPECT_EQ(read_to_the_end(*answer.stream), "two\n");
}

TEST(NativeLogs, AreFollowedThroughAllAttempts) {
  NativeStage s;
  // The first attempt is still running when the client starts to follow.
  const auto run = submitted(s, plan_body(in_folder(s, R"(
sluice: 1
pipelines:
  main:
    graph:
      say:
        process: [/bin/sh, -c, "cd $1; echo hello; until [ -e go ]; do sleep 0.01; done; [ -e again ] || { touch again; exit 1; }", sh, "FOLDER"]
        retry: {limit: 1}
)")));
  const auto followed = s.get("/v1/runs/" + run + "/log?task=say&follow=1").stream;
  EXPECT_EQ(next_piece(*followed), "hello\n");
  ASSERT_OK(os::write_file(s.stage.folder.path() / "go", ""));
  EXPECT_EQ(read_to_the_end(*followed), "hello\n");
  s.server.wait(run);
  EXPECT_EQ(read_to_the_end(*s.get("/v1/runs/" + run + "/log?task=say&follow=1&attempt=1").stream),
            "hello\n");
  EXPECT_EQ(read_to_the_end(*s.get("/v1/runs/" + run + "/log?task=say&follow=1").stream), "hello\n")
      << "a task that has ended shows its last attempt";
}

TEST(NativeLogs, ATaskThatHasNotStartedIsWaitedFor) {
  NativeStage s;
  const auto run = submitted(s, plan_body(in_folder(s, R"(
sluice: 1
pipelines:
  main:
    graph:
      first: {process: [/bin/sh, -c, "while [ ! -e $1/go ]; do sleep 0.01; done", sh, "FOLDER"]}
      second: {process: [/bin/sh, -c, "echo three"], after: [first]}
)")));
  const auto answer = s.get("/v1/runs/" + run + "/log?task=second&follow=1");
  ASSERT_TRUE(answer.stream) << answer.body;
  ASSERT_OK(os::write_file(s.stage.folder.path() / "go", ""));
  EXPECT_EQ(read_to_the_end(*answer.stream), "three\n");
}

TEST(NativeLogs, OfATaskThatNeverStartsEndWithTheRun) {
  NativeStage s;
  const auto run = submitted(s, plan_body(in_folder(s, slow_plan)));
  const auto answer = s.get("/v1/runs/" + run + "/log?task=second&follow=1");
  ASSERT_OK(os::write_file(s.stage.folder.path() / "go", ""));
  EXPECT_EQ(read_to_the_end(*answer.stream), "");
}

TEST(NativeLogs, SuggestTheNearestName) {
  NativeStage s;
  const auto run = ended(s, plan_body(in_folder(s, printing_plan)));
  for (const auto* follow : {"", "&follow=1"}) {
    EXPECT_EQ(refusal(s.get("/v1/runs/" + run + "/log?task=sya" + follow)),
              "404: run " + run + " has no task `sya`; did you mean `say`?");
    EXPECT_EQ(refusal(s.get("/v1/runs/" + run + "/log?task=quiet" + follow)),
              "404: task `quiet` has written no log; it is a service");
  }
}

}  // namespace
}  // namespace sluice::test
