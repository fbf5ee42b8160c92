#include "native_stage.hpp"
#include "result_assertions.hpp"

namespace sluice::test {
namespace {

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

TEST(NativeRuns, AreListedInPages) {
  NativeStage s;
  std::vector<std::string> runs;
  for (int i = 0; i < 5; ++i) runs.push_back(ended(s, plan_body(echo_plan)));
  std::vector<std::string> seen;
  std::string after;
  int pages = 0;
  do {
    const auto page = json_of(s.get("/v1/runs?limit=2&after=" + after));
    for (const auto& row : *page.find("runs")->if_list()) seen.push_back(row.text_at("run"));
    after = page.text_at("next");
    ++pages;
  } while (!after.empty());
  EXPECT_EQ(pages, 3);
  std::ranges::sort(runs);
  std::ranges::sort(seen);
  EXPECT_EQ(seen, runs) << "each once";
  EXPECT_EQ(json_of(s.get("/v1/runs?limit=5")).text_at("next"), "") << "there are none";
  EXPECT_EQ(json_of(s.get("/v1/runs?limit=0")).text_at("next"), "");
  EXPECT_EQ(refusal(s.get("/v1/runs?after=nobody")),
            "404: there is no run `nobody`; `sluice runs` lists them");
}

TEST(NativeRuns, TakeInputsInTaggedForm) {
  NativeStage s;
  EXPECT_OK(s.stage.objects->put("bytes"));
  const Artifact artifact{.kind = "table", .digest = Digest::of("bytes"), .size = 5};
  auto body = one("plan", echo_plan);
  body.set("inputs", to_tagged(one("n", List{artifact, one("$artifact", "plain")})));
  const auto run = ended(s, to_json(body));
  const auto outputs = value_of(from_tagged(*json_of(s.get("/v1/runs/" + run)).find("outputs")));
  EXPECT_EQ(*outputs.find("n"), Value(List{artifact, one("$artifact", "plain")}));
}

TEST(NativeRuns, TakeNullForWhatIsNotSet) {
  NativeStage s;
  auto body = one("plan", echo_plan);
  for (const char* field : {"file", "pipeline", "inputs", "code", "cache"}) body.set(field, Value());
  const auto run = ended(s, to_json(body));
  EXPECT_EQ(json_of(s.get("/v1/runs/" + run)).text_at("status"), "succeeded");
  const std::string ended_already =
      "409: run " + run + " has succeeded already; see `sluice show " + run + "`";
  for (const char* nothing : {"null", "{}", R"({"retry": null, "reason": null})"}) {
    EXPECT_EQ(refusal(s.post("/v1/runs/" + run + "/resume", nothing)), ended_already);
    EXPECT_EQ(refusal(s.post("/v1/runs/" + run + "/cancel", nothing)), ended_already);
  }
}

TEST(NativeRuns, RefuseWhatHasTheWrongType) {
  NativeStage s;
  for (const auto& [field, value, why] : std::vector<std::tuple<const char*, Value, const char*>>{
           {"cache", "no", "`cache` must be true or false"},
           {"cache", std::int64_t{0}, "`cache` must be true or false"},
           {"file", true, "`file` must be a string"},
           {"pipeline", List{"main"}, "`pipeline` must be a string"},
           {"code", "x", "`code` must be an object"}}) {
    auto body = one("plan", echo_plan);
    body.set(field, value);
    EXPECT_EQ(refusal(s.post("/v1/runs", to_json(body))), std::string("400: ") + why);
  }
  EXPECT_EQ(refusal(s.post("/v1/runs/latest/resume", R"({"retry": "yes"})")),
            "400: `retry` must be true or false");
  EXPECT_EQ(refusal(s.post("/v1/runs/latest/cancel", R"({"reason": 3})")), "400: `reason` must be a string");
}

TEST(NativeRuns, ReportTheErrorsOfTheCompiler) {
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
}

TEST(NativeRuns, AreCancelledAndNotResumedAfterwards) {
  NativeStage s;
  const auto run = submitted(s, plan_body(held_plan));
  s.stage.gate.wait_for_a_call();
  EXPECT_EQ(s.post("/v1/runs/" + run + "/resume").body, "{\"run\":\"" + run + "\"}\n")
      << "it is running already";
  EXPECT_EQ(s.post("/v1/runs/" + run + "/cancel").status, 200);
  s.server.wait(run);
  EXPECT_EQ(json_of(s.get("/v1/runs/" + run)).text_at("status"), "cancelled");
  EXPECT_EQ(refusal(s.post("/v1/runs/" + run + "/resume")),
            "409: run " + run + " has ended (cancelled) already; see `sluice show " + run + "`");
  EXPECT_EQ(refusal(s.post("/v1/runs/" + run + "/cancel")),
            "409: run " + run + " has ended (cancelled) already; see `sluice show " + run + "`");
}

TEST(NativeRuns, AreCancelledForAReason) {
  NativeStage s;
  const auto run = submitted(s, plan_body(held_plan));
  s.stage.gate.wait_for_a_call();
  EXPECT_EQ(refusal(s.post("/v1/runs/" + run + "/cancel", "3")), "400: the body must be a JSON object");
  EXPECT_EQ(s.post("/v1/runs/" + run + "/cancel", R"({"reason": "wrong pictures"})").status, 200);
  s.server.wait(run);
  ASSERT_FALSE(s.stage.events<engine::Stopping>(run).empty());
  EXPECT_EQ(s.stage.events<engine::Stopping>(run)[0].reason, "wrong pictures");
  const auto other = submitted(s, plan_body(held_plan));
  EXPECT_EQ(s.post("/v1/runs/" + other + "/cancel", "").status, 200);
  s.server.wait(other);
  EXPECT_EQ(s.stage.events<engine::Stopping>(other)[0].reason, "cancelled on request");
}

}  // namespace
}  // namespace sluice::test
