#include "native_stage.hpp"

namespace sluice::test {
namespace {

std::string schedule_body(const std::string& name, const std::string& more = R"("cron": "@daily")") {
  auto body = plan_body(echo_plan);
  body.pop_back();
  return body + R"(, "name": ")" + name + "\", " + more + "}";
}

ports::Response create(NativeStage& s, const std::string& name) {
  auto answer = s.post("/v1/schedules", schedule_body(name));
  EXPECT_EQ(answer.status, 201) << answer.body;
  return answer;
}

TEST(NativeSchedules, AreCreatedShownAndListedInPages) {
  NativeStage s;
  for (const auto* name : {"b", "a", "c"}) create(s, name);
  const auto made = json_of(s.get("/v1/schedules/a"));
  EXPECT_EQ(made.text_at("cron"), "@daily");
  EXPECT_EQ(made.text_at("time_zone"), "UTC");
  EXPECT_EQ(made.text_at("plan"), "plan.yaml");
  EXPECT_TRUE(made.boolean_at("enabled") && made.boolean_at("catch_up"));
  EXPECT_EQ(made.integer_at("max_concurrency"), 1);
  EXPECT_EQ(made.find("upcoming")->if_list()->size(), 5U);
  EXPECT_EQ(*made.find("upcoming")->if_list()->front().if_string(), made.text_at("next"));
  EXPECT_EQ(json_of(s.get("/v1/schedules/" + made.text_at("id"))).text_at("schedule"), "a");
  const auto first = json_of(s.get("/v1/schedules?limit=2"));
  EXPECT_EQ(first.find("schedules")->if_list()->size(), 2U);
  EXPECT_EQ(first.text_at("next"), "b");
  const auto last = json_of(s.get("/v1/schedules?limit=2&after=b"));
  EXPECT_EQ(last.find("schedules")->if_list()->size(), 1U);
  EXPECT_EQ(last.find("next"), nullptr);
}

TEST(NativeSchedules, AreOfTheWorkspaceOfTheirCaller) {
  NativeStage s;
  create(s, "a");
  s.caller = {.workspace = "other", .name = "eve"};
  EXPECT_EQ(json_of(s.get("/v1/schedules")).find("schedules")->if_list()->size(), 0U);
  EXPECT_EQ(s.get("/v1/schedules/a").status, 404);
  EXPECT_EQ(s.post("/v1/schedules/a/disable").status, 404);
  EXPECT_EQ(s.ask("DELETE", "/v1/schedules/a").get().status, 404);
  EXPECT_EQ(s.get("/v1/runs?schedule=a").status, 404);
  create(s, "a");  // a name of another workspace is free
  s.caller = {};
  EXPECT_EQ(s.get("/v1/schedules/a").status, 200);
}

TEST(NativeSchedules, RefuseWhatIsNoSchedule) {
  NativeStage s;
  const auto problem = [&](const std::string& more) {
    return refusal(s.post("/v1/schedules", schedule_body("x", more)));
  };
  EXPECT_EQ(problem(R"("cron": 5)"), "400: `cron` must be a string");
  EXPECT_EQ(problem(R"("cron": "@daily", "max_concurrency": "2")"),
            "400: `max_concurrency` must be an integer");
  EXPECT_EQ(problem(R"("cron": "@daily", "max_concurrency": 0)"),
            "400: max_concurrency: 0 is not between 1 and 100");
  EXPECT_EQ(problem(R"("cron": "@daily", "catch_up": "no")"), "400: `catch_up` must be true or false");
  EXPECT_EQ(problem(R"("cron": "@daily", "start": "2026-12-01")"),
            "400: start: `2026-12-01` is not a time such as 2026-12-01T07:30:00Z or 2026-12-01T07:30+01:00");
  EXPECT_EQ(problem(R"("every": "0s")"), "400: every: `0s` is not an interval such as 90s, 15m, 1h30m or 2d");
  EXPECT_EQ(refusal(s.post("/v1/schedules", R"({"cron": "@daily"})")),
            "400: the body must have a string `plan`");
  create(s, "x");
  EXPECT_EQ(problem(R"("cron": "@daily")").substr(0, 29), "409: there is a schedule `x`;");
}

TEST(NativeSchedules, AreDisabledEnabledAndRemoved) {
  NativeStage s;
  create(s, "a");
  EXPECT_EQ(json_of(s.post("/v1/schedules/a/disable")).text_at("schedule"), "a");
  const auto disabled = json_of(s.get("/v1/schedules/a"));
  EXPECT_FALSE(disabled.boolean_at("enabled"));
  EXPECT_EQ(disabled.find("next"), nullptr);
  EXPECT_EQ(s.post("/v1/schedules/a/enable").subject, "a");
  EXPECT_NE(json_of(s.get("/v1/schedules/a")).find("next"), nullptr);
  EXPECT_EQ(s.ask("DELETE", "/v1/schedules/a").get().subject, "a");
  EXPECT_EQ(refusal(s.get("/v1/schedules/a")),
            "404: there is no schedule `a`; `sluice schedules` lists them");
}

}  // namespace
}  // namespace sluice::test
