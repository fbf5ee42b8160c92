#include <cmath>
#include <map>

#include "native_stage.hpp"
#include "sluice/base/json.hpp"

namespace sluice::test {
namespace {

struct TrackedStage : NativeStage {
  std::string new_run() {
    return value_of(experiments.create_run({}, {.experiment = experiment, .name = "first", .tags = {}})).id;
  }
  void log(const std::string& run, const std::string& key, ports::MetricPoint point) {
    EXPECT_OK(experiments.log_metric({}, run, {.key = key, .point = point}));
  }
  Value ask_for(const std::string& target) { return value_of(parse_json(get(target).body, "")); }

  std::int64_t experiment = value_of(experiments.create({}, "e", "", {})).id;
};

TEST(NativeTrackedRuns, AreShownWithTheNewestValues) {
  TrackedStage s;
  const auto run = s.new_run();
  s.log(run, "b", {.step = 1, .at_ms = 5, .value = 0.5});
  s.log(run, "b", {.step = 2, .at_ms = 6, .value = 0.25});
  s.log(run, "a/c", {.step = 0, .at_ms = 5, .value = std::nan("")});
  EXPECT_EQ(s.get("/v1/tracked/" + run.substr(0, 8)).body,
            R"({"run":")" + run + R"(","name":"first","experiment":")" + std::to_string(s.experiment) +
                R"(","status":"RUNNING","metrics":[{"key":"a/c","step":0,"timestamp":5,"value":null},)"
                R"({"key":"b","step":2,"timestamp":6,"value":0.25}]})"
                "\n");
  const auto first = s.ask_for("/v1/tracked/" + run + "?limit=1");
  EXPECT_EQ(first.text_at("next"), "a/c");
  const auto second = s.ask_for("/v1/tracked/" + run + "?limit=1&after=a%2Fc");
  EXPECT_EQ(second.find("metrics")->if_list()->front().text_at("key"), "b");
  EXPECT_EQ(second.find("next"), nullptr);
}

TEST(NativeTrackedRuns, GiveChartsAndWholeHistories) {
  TrackedStage s;
  const auto run = s.new_run();
  for (int i = 0; i < 5; ++i) s.log(run, "m", {.step = i, .at_ms = 9 - i, .value = i * 0.5});
  EXPECT_EQ(s.get("/v1/tracked/" + run + "/chart?metric=m&limit=2").body,
            R"({"points":[{"step":0,"timestamp":9,"value":0.0},{"step":4,"timestamp":5,"value":2.0}]})"
            "\n");
  EXPECT_EQ(s.get("/v1/tracked/" + run + "/history?metric=m&limit=1&after=1").body,
            R"({"next":2,"points":[{"step":3,"timestamp":6,"value":1.5}]})"
            "\n");
  EXPECT_EQ(s.get("/v1/tracked/" + run + "/history?metric=m&limit=9&after=4").body,
            R"({"points":[{"step":0,"timestamp":9,"value":0.0}]})"
            "\n");
  EXPECT_EQ(s.get("/v1/tracked/" + run + "/chart?metric=other").body, "{\"points\":[]}\n");
}

TEST(NativeTrackedRuns, AreNamedByOnePrefix) {
  TrackedStage s;
  EXPECT_EQ(s.get("/v1/tracked/x").status, 404);
  EXPECT_EQ(s.ask_for("/v1/tracked/x").find("error")->text_at("message"),
            "there is no tracked run `x`; name one by its id, or by how that begins");
  EXPECT_EQ(s.ask_for("/v1/tracked/latest").find("error")->text_at("message"), "there are no runs yet");
  // Of seventeen ids, two begin with the same digit.
  std::map<char, std::string> by_digit;
  std::string digit;
  while (digit.empty())
    if (const auto id = s.new_run(); !by_digit.emplace(id.front(), id).second) digit = id.substr(0, 1);
  const auto message = s.ask_for("/v1/tracked/" + digit + "/chart").find("error")->text_at("message");
  EXPECT_TRUE(message.starts_with("several tracked runs begin with `" + digit + "`: ")) << message;
  EXPECT_TRUE(message.ends_with("; give a longer prefix")) << message;
}

TEST(NativeTrackedRuns, OfPipelinesHaveTheIdsOfTheirRuns) {
  TrackedStage s;
  const auto run = ended(s, plan_body(echo_plan));
  const std::string nothing = "nothing was logged to run " + run + " with MLflow's client";
  EXPECT_EQ(s.ask_for("/v1/tracked/latest").find("error")->text_at("message"), nothing);
  EXPECT_EQ(s.ask_for("/v1/tracked/" + run).find("error")->text_at("message"), nothing);
  EXPECT_OK(s.tracked.create_run({.run = {.id = run, .experiment = s.experiment}}));
  s.log(run, "m", {.value = 1});
  EXPECT_EQ(s.ask_for("/v1/tracked/latest").text_at("run"), run);
  EXPECT_EQ(s.ask_for("/v1/tracked/latest/chart?metric=m").find("points")->if_list()->size(), 1U);
}

}  // namespace
}  // namespace sluice::test
