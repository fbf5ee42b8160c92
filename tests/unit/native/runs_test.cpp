#include "native_stage.hpp"

namespace sluice::test {
namespace {

constexpr auto echo_plan = R"(
sluice: 1
pipelines:
  main:
    inputs: {n: {type: any, default: 3}}
    outputs: {n: "${a.value}"}
    graph:
      a: {service: test.echo, with: {value: "${inputs.n}"}}
)";
constexpr auto held_plan = "sluice: 1\npipelines:\n  main:\n    graph:\n      a: {service: test.held}\n";
constexpr auto printing_plan = R"(
sluice: 1
pipelines:
  main:
    graph:
      say: {process: [/bin/sh, -c, "echo hello; [ -e $1/again ] || { touch $1/again; exit 1; }", sh, "FOLDER"], retry: {limit: 1}}
      quiet: {service: test.echo}
)";

std::string submitted(NativeStage& s, const std::string& body) {
  const auto answer = s.post("/v1/runs", body);
  EXPECT_EQ(answer.status, 201) << answer.body;
  return json_of(answer).text_at("run");
}

std::string ended(NativeStage& s, const std::string& body) {
  auto run = submitted(s, body);
  s.server.wait(run);
  return run;
}

TEST(NativeRuns, AreSubmittedFollowedAndReported) {
  NativeStage s;
  const auto run = ended(s, plan_body(echo_plan));
  const auto report = json_of(s.get("/v1/runs/" + run));
  EXPECT_EQ(report.text_at("status"), "succeeded");
  EXPECT_EQ(to_json(*report.find("outputs")), R"({"n":3})");
  EXPECT_EQ(json_of(s.get("/v1/runs/latest")).text_at("run"), run);
  const auto list = json_of(s.get("/v1/runs"));
  ASSERT_EQ(list.find("runs")->if_list()->size(), 1U);
  const auto& row = list.find("runs")->if_list()->at(0);
  EXPECT_EQ(row.text_at("run"), run);
  EXPECT_EQ(row.text_at("name"), "plan.yaml");
  EXPECT_EQ(row.text_at("status"), "succeeded");
  EXPECT_TRUE(row.find("seconds"));
  EXPECT_EQ(json_of(s.get("/v1/runs?status=failed")).find("runs")->if_list()->size(), 0U);
}

TEST(NativeRuns, TakeInputsInTaggedForm) {
  NativeStage s;
  EXPECT_OK(s.stage.objects->put("bytes"));
  const Artifact artifact{.kind = "table", .digest = Digest::of("bytes"), .size = 5};
  auto body = one("plan", echo_plan);
  body.set("inputs", to_tagged(one("n", List{artifact, one("$artifact", "plain")})));
  const auto run = ended(s, to_json(body));
  const auto outputs = good(from_tagged(*json_of(s.get("/v1/runs/" + run)).find("outputs")));
  EXPECT_EQ(*outputs.find("n"), Value(List{artifact, one("$artifact", "plain")}));
}

TEST(NativeRuns, RefuseWhatIsWrongInTheWordsOfTheCompiler) {
  NativeStage s;
  EXPECT_EQ(refusal(s.post(
                "/v1/runs",
                plan_body("sluice: 1\npipelines:\n  main:\n    graph:\n      a: {service: test.ehco}\n"))),
            "400: plan.yaml:5:7: unknown service `test.ehco`; did you mean `test.echo`?");
  EXPECT_EQ(refusal(s.post("/v1/runs", R"({"plan": "sluice: 1", "inputs": 3})")),
            "400: `inputs` must be an object");
  EXPECT_EQ(refusal(s.get("/v1/runs/nobody")), "404: there is no run `nobody`; `sluice runs` lists them");
  EXPECT_EQ(refusal(s.post("/v1/runs/nobody/cancel")),
            "404: there is no run `nobody`; `sluice runs` lists them");
  EXPECT_EQ(refusal(s.get("/v1/runs/nobody/events?wait_ms=1000")),
            "404: there is no run `nobody`; `sluice runs` lists them");
  EXPECT_EQ(refusal(s.get("/v1/runs/nobody/events?from=x")),
            "400: `from` in the query must be a whole number");
}

TEST(NativeRuns, AreCancelledAndNotResumedAfterwards) {
  NativeStage s;
  const auto run = submitted(s, plan_body(held_plan));
  s.stage.gate.wait_for_a_call();
  EXPECT_EQ(s.post("/v1/runs/" + run + "/resume").body, "{\"run\":\"" + run + "\"}\n")
      << "it goes on already";
  EXPECT_EQ(s.post("/v1/runs/" + run + "/cancel").status, 200);
  s.server.wait(run);
  EXPECT_EQ(json_of(s.get("/v1/runs/" + run)).text_at("status"), "cancelled");
  EXPECT_EQ(refusal(s.post("/v1/runs/" + run + "/resume")),
            "409: run " + run + " has ended (cancelled) already; `sluice show " + run + "` tells more");
}

TEST(NativeEvents, AreTheJournal) {
  NativeStage s;
  const auto run = ended(s, plan_body(echo_plan));
  const auto json = json_of(s.get("/v1/runs/" + run + "/events"));
  EXPECT_EQ(json.integer_at("from"), 0);
  EXPECT_FALSE(json.boolean_at("goes_on", true));
  const auto& events = *json.find("events")->if_list();
  EXPECT_EQ(events.size(), s.stage.journal(run).size());
  EXPECT_EQ(events.front().text_at("t"), "run_created");
  EXPECT_EQ(events.back().text_at("t"), "run_ended");
  const auto rest = json_of(s.get("/v1/runs/" + run + "/events?from=" + std::to_string(events.size() - 1)));
  EXPECT_EQ(rest.find("events")->if_list()->size(), 1U);
}

TEST(NativeEvents, WaitForTheNextOne) {
  NativeStage s;
  const auto run = submitted(s, plan_body(held_plan));
  s.stage.gate.wait_for_a_call();
  const auto length = std::to_string(s.stage.journal(run).size());
  auto answer = s.ask("GET", "/v1/runs/" + run + "/events?wait_ms=30000&from=" + length);
  EXPECT_EQ(answer.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  s.stage.gate.open();
  const auto json = json_of(answer.get());
  EXPECT_EQ(json.find("events")->if_list()->front().text_at("t"), "attempt_ended");
}

TEST(NativeEvents, AnswerWithoutAnyWhenTheTimeIsOver) {
  NativeStage s;
  const auto run = submitted(s, plan_body(held_plan));
  s.stage.gate.wait_for_a_call();
  const auto json = json_of(s.get("/v1/runs/" + run + "/events?wait_ms=20&from=1000"));
  EXPECT_TRUE(json.find("events")->if_list()->empty());
  EXPECT_TRUE(json.boolean_at("goes_on"));
}

TEST(NativeEvents, SayThatARunHasStoppedWithoutAnEnd) {
  NativeStage s;
  const auto run = submitted(s, plan_body(held_plan));
  s.stage.gate.wait_for_a_call();
  const auto length = s.stage.journal(run).size();
  const auto foreign = engine::encode(engine::Stopping{.path = "", .reason = "somebody else"});
  ASSERT_OK(s.stage.ledger->append(
      {{.run = {run}, .expected_next = length, .events = {foreign}, .row = s.stage.row(run), .cache = {}}},
      ports::Durability::process));
  s.stage.gate.open();
  s.server.wait(run);
  const auto json =
      json_of(s.get("/v1/runs/" + run + "/events?wait_ms=30000&from=" + std::to_string(length + 1)));
  EXPECT_TRUE(json.find("events")->if_list()->empty());
  EXPECT_FALSE(json.boolean_at("goes_on", true));
}

/// The plan that prints, with its folder filled in.
std::string printing(NativeStage& s) {
  std::string text = printing_plan;
  return text.replace(text.find("FOLDER"), 6, s.stage.folder.path().string());
}

TEST(NativeLogs, AreThoseOfTheNewestAttemptUnlessAsked) {
  NativeStage s;
  const auto run = ended(s, plan_body(printing(s)));
  const auto newest = s.get("/v1/runs/" + run + "/log?task=say");
  EXPECT_EQ(newest.status, 200) << newest.body;
  EXPECT_EQ(newest.content_type, "text/plain; charset=utf-8");
  EXPECT_EQ(good(os::read_file(newest.body_file)), "hello\n");
  const auto first = s.get("/v1/runs/" + run + "/log?task=say&attempt=1");
  EXPECT_NE(first.body_file, newest.body_file);
  EXPECT_EQ(refusal(s.get("/v1/runs/" + run + "/log?task=say&attempt=9")),
            "404: task `say` has written no log");
}

TEST(NativeLogs, OfACachedTaskAreThoseOfTheAttemptThatMadeIt) {
  NativeStage s;
  const auto first = ended(s, plan_body(printing(s)));
  const auto second = ended(s, plan_body(printing(s)));
  EXPECT_TRUE(json_of(s.get("/v1/runs/" + second)).find("tasks")->if_list()->at(0).boolean_at("cached"));
  EXPECT_EQ(s.get("/v1/runs/" + second + "/log?task=say").body_file,
            s.get("/v1/runs/" + first + "/log?task=say&attempt=2").body_file);
}

TEST(NativeLogs, AreGivenForTasksOfTheJournalOnly) {
  NativeStage s;
  const auto run = ended(s, plan_body(printing(s)));
  for (const auto* task : {"../say", "..%2f..%2fledger.db", "%2Fetc%2Fpasswd", "nobody", "", "say%2F.."})
    EXPECT_NE(refusal(s.get("/v1/runs/" + run + "/log?task=" + task)).find("; those with a log are `say`"),
              std::string::npos)
        << task;
  EXPECT_EQ(refusal(s.get("/v1/runs/" + run + "/log?task=quiet")),
            "404: task `quiet` has written no log; it is a service");
}

}  // namespace
}  // namespace sluice::test
