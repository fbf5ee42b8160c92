#include "sluice/domain/serving/serving.hpp"

#include <fstream>

#include <gmock/gmock.h>

#include "result_assertions.hpp"
#include "stage.hpp"
#include "waiting.hpp"

namespace sluice::serving {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(Serving, AnswersWithTheDeployedModel) {
  Stage stage;
  stage.deploy_stamps();
  const auto answered = stage.predict({"fish", "bird", "strange"});
  ASSERT_OK(answered);
  EXPECT_EQ(answered->model, "stamps-model");
  EXPECT_EQ(answered->version, 1);
  EXPECT_THAT(answered->classes, ElementsAre("bird", "fish"));
  ASSERT_EQ(answered->predictions.size(), 3U);
  EXPECT_EQ(answered->predictions[0]->label, "fish");
  EXPECT_THAT(answered->predictions[0]->probabilities, ElementsAre(0.25, 0.75));
  EXPECT_FALSE(answered->predictions[0]->rejected);
  EXPECT_EQ(answered->predictions[1]->label, "bird");
  EXPECT_TRUE(answered->predictions[2]->rejected);
}

TEST(Serving, IsIdleOnceAWarmHostHasNoWork) {
  Stage stage;
  const auto is_idle = [&](std::optional<std::int64_t> version = {}) {
    return stage.serving->is_idle("default", "stamps", version);
  };
  EXPECT_FALSE(is_idle());
  stage.deploy_stamps();
  EXPECT_FALSE(is_idle()) << "no host yet";
  ASSERT_TRUE(stage.predict({"fish"}));
  test::wait_until([&] { return is_idle(); });
  EXPECT_TRUE(is_idle(1));
  EXPECT_FALSE(is_idle(2)) << "that version has not been looked up";

  const auto gate = stage.scratch.path / "gate";
  auto waiting = stage.ask({"wait " + gate.string()});
  EXPECT_FALSE(is_idle()) << "the host is busy";
  std::ofstream(gate) << "open";
  ASSERT_TRUE(waiting.get());
  test::wait_until([&] { return is_idle(); });
  ASSERT_TRUE(stage.serving->undeploy("default", "stamps"));
  EXPECT_FALSE(is_idle());
}

TEST(Serving, AnUnreadablePictureIsOneErrorAmongPredictions) {
  Stage stage;
  stage.deploy_stamps();
  const auto answered = stage.predict({"fish", "bad"});
  ASSERT_TRUE(answered);
  EXPECT_TRUE(answered->predictions[0]);
  EXPECT_EQ(answered->predictions[1].error().message, "this is not a picture");
}

TEST(Serving, AnyVersionOfTheModelCanBeRequested) {
  Stage stage;
  stage.deploy_stamps();
  const auto base = *stage.models->resolve("default", "base", "");
  stage.add_head("stamps-model", base, {"cat", "dog", "cow"});
  EXPECT_EQ(stage.predict({"x"})->version, 1);
  const auto newer = stage.predict({"dog"}, 2);
  ASSERT_OK(newer);
  EXPECT_EQ(newer->version, 2);
  EXPECT_EQ(newer->predictions[0]->label, "dog");
  const auto none = stage.predict({"x"}, 3);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Code::not_found);
  const auto description = stage.serving->describe("default", "stamps", 2);
  ASSERT_TRUE(description);
  EXPECT_EQ(description->version, 2);
  EXPECT_THAT(description->versions, ElementsAre(1, 2));
  EXPECT_THAT(description->classes, ElementsAre("cat", "dog", "cow"));
}

TEST(Serving, HeadsOfOneBaseShareAHost) {
  Stage stage;
  stage.deploy_stamps();
  stage.add_head("pets-model", *stage.models->resolve("default", "base", ""), {"cat"});
  ASSERT_TRUE(stage.serving->deploy({}, "pets", "pets-model", "v1"));
  ASSERT_TRUE(stage.predict({"fish"}));
  ASSERT_TRUE(stage.predict({"cat"}, {}, "pets"));
  EXPECT_EQ(stage.serving->find("default", "stamps")->host.pid,
            stage.serving->find("default", "pets")->host.pid);
}

TEST(Serving, ListsEndpointsColdAndWarm) {
  Stage stage({}, Milliseconds(40));
  EXPECT_TRUE(stage.serving->list("default", {})->empty());
  stage.deploy_stamps();
  EXPECT_EQ(stage.serving->list("default", {})->at(0).host.state, Hosts::State::cold);
  ASSERT_TRUE(stage.predict({"fish"}));
  const auto listed = stage.serving->list("default", {});
  ASSERT_EQ(listed->size(), 1U);
  EXPECT_EQ(listed->at(0).deployment.endpoint, "stamps");
  EXPECT_EQ(listed->at(0).deployment.model, "stamps-model");
  EXPECT_EQ(listed->at(0).deployment.version, 1);
  EXPECT_EQ(listed->at(0).requests, 1U);
  EXPECT_EQ(listed->at(0).open, 0U);
  test::wait_until(
      [&] { return stage.serving->find("default", "stamps")->host.state == Hosts::State::cold; });
  EXPECT_EQ(stage.serving->find("default", "stamps")->host.pid, 0);
  EXPECT_TRUE(stage.predict({"fish"}));
}

TEST(Serving, ARequestSurvivesOneDeathOfItsHost) {
  Stage stage;
  stage.deploy_stamps();
  const auto once = "die once " + (stage.scratch.path / "dead").string();
  const auto answered = stage.predict({"fish", once});
  ASSERT_OK(answered);
  EXPECT_EQ(answered->predictions[0]->label, "fish");
  EXPECT_TRUE(std::filesystem::exists(stage.scratch.path / "dead"));
}

TEST(Serving, ARequestThatKillsTwoHostsIsGivenUp) {
  Stage stage;
  stage.deploy_stamps();
  const auto answered = stage.predict({"die"});
  ASSERT_FALSE(answered);
  EXPECT_EQ(answered.error().code, Code::unavailable);
  EXPECT_EQ(answered.error().message,
            "the host of endpoint `stamps` died twice during this request; if it holds several pictures, "
            "send them one by one to find "
            "the one that causes it");
  ASSERT_EQ(answered.error().notes.size(), 1U);
  EXPECT_TRUE(stage.predict({"fish"}));
  EXPECT_EQ(stage.serving->find("default", "stamps")->open, 0U);
}

TEST(Serving, ARequestSurvivesWhenAnotherKillsItsHost) {
  Stage stage;
  stage.deploy_stamps();
  const auto go = stage.scratch.path / "go";
  ASSERT_TRUE(stage.predict({"fish"}));
  auto waiting = stage.ask({"wait " + go.string()});
  EXPECT_TRUE(stage.predict({"die once " + (stage.scratch.path / "one").string()}));
  std::ofstream(go) << "go";
  const auto answered = waiting.get();
  EXPECT_OK(answered);
}

TEST(Serving, ABaseThatKillsItsHostIsReported) {
  Stage stage;
  stage.add_head("stamps-model", stage.add_base("base", {"die"}), {"bird"});
  ASSERT_TRUE(stage.serving->deploy({}, "stamps", "stamps-model", "1"));
  EXPECT_THAT(stage.predict({"fish"}).error().message,
              StartsWith("the host of endpoint `stamps` died twice"));
  Stage refusing;
  refusing.add_head("stamps-model", refusing.add_base("base", {"refuse"}), {"bird"});
  ASSERT_TRUE(refusing.serving->deploy({}, "stamps", "stamps-model", "1"));
  EXPECT_EQ(refusing.predict({"fish"}).error().message, "base: this base refuses to load");
}

TEST(Serving, OpenRequestsAreBounded) {
  Stage stage({.open_max = 2});
  stage.deploy_stamps();
  const auto go = stage.scratch.path / "go";
  auto first = stage.ask({"wait " + go.string()});
  auto second = stage.ask({"wait " + go.string()});
  const auto third = stage.predict({"fish"});
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().code, Code::exhausted);
  EXPECT_EQ(third.error().message,
            "endpoint `stamps` already has 2 requests in flight; retry when one has finished");
  EXPECT_EQ(stage.serving->find("default", "stamps")->open, 2U);
  std::ofstream(go) << "go";
  EXPECT_TRUE(first.get());
  EXPECT_TRUE(second.get());
  EXPECT_TRUE(stage.predict({"fish"}));
}

TEST(Serving, ManyRequestsAtOnceAreAnswered) {
  Stage stage;
  stage.deploy_stamps();
  std::vector<std::future<Result<PredictResult>>> answers;
  for (int i = 0; i < 60; ++i) answers.push_back(stage.ask({i % 2 ? "fish" : "bird"}));
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const auto answered = answers[i].get();
    ASSERT_OK(answered);
    EXPECT_EQ(answered->predictions[0]->label, i % 2 ? "fish" : "bird");
  }
}

TEST(Serving, StopsWithRequestsInFlight) {
  Stage stage;
  stage.deploy_stamps();
  auto open = stage.ask({"wait " + (stage.scratch.path / "never").string()});
  auto cold = stage.ask({"fish"});
  stage.serving.reset();
  stage.hosts.reset();
  EXPECT_FALSE(open.get());
  cold.get();
}

TEST(Serving, RefusesUnknownEndpointsAndEmptyRequests) {
  Stage stage;
  stage.deploy_stamps();
  EXPECT_EQ(stage.predict({"x"}, {}, "stamp").error().message, "no endpoint `stamp`; did you mean `stamps`?");
  EXPECT_EQ(stage.predict({"x"}, {}, "other").error().message,
            "no endpoint `other`; `sluice endpoints` lists all endpoints");
  EXPECT_EQ(stage.predict({}).error().message, "the request contains no pictures");
  EXPECT_EQ(stage.predict(std::vector<std::string>(257, "x")).error().message,
            "the request contains 257 pictures; send up to 256 at once");
  EXPECT_EQ(stage.serving->undeploy("default", "other").error().code, Code::not_found);
  ASSERT_TRUE(stage.serving->undeploy("default", "stamps"));
  EXPECT_EQ(stage.predict({"x"}).error().code, Code::not_found);
}

TEST(Serving, DeployingAgainReturnsTheExistingDeployment) {
  Stage stage;
  stage.deploy_stamps();
  const auto first = *stage.serving->deploy({}, "stamps", "stamps-model", "1", "run/deploy");
  EXPECT_EQ(first.effect_key, "");  // equal to what was there
  stage.add_head("stamps-model", *stage.models->resolve("default", "base", ""), {"cat"});
  const auto second = *stage.serving->deploy({}, "stamps", "stamps-model", "latest", "run/deploy");
  EXPECT_EQ(second.version, 2);
  EXPECT_EQ(second.commit, stage.models->resolve("default", "stamps-model", "2")->commit);
  const auto again = *stage.serving->deploy({}, "stamps", "stamps-model", "1", "run/deploy");
  EXPECT_EQ(again.version, 2);
  EXPECT_EQ(again.at, second.at);
  EXPECT_EQ(stage.serving->deploy({}, "stamps", "stamps-model", "1", "other/deploy")->version, 1);
}

TEST(Serving, DeployRefusesWhatCannotBeServed) {
  Stage stage;
  const auto base = stage.add_base("base", {"plain"});
  const auto refusal = [&](const std::string& model) {
    return stage.serving->deploy({}, "e", model, "").error().message;
  };
  EXPECT_EQ(refusal("base"), "model `base` v1 cannot be served: it has no model.json");
  stage.add_head("far", base, {"a"}, "", std::string(40, 'a'));
  EXPECT_EQ(refusal("far"),
            "model `far` v1 cannot be served: its base `base` at commit aaaaaaaaaaaa is not in this data "
            "folder; push or "
            "copy that repository here");
  stage.add_head("changed", base, {"a"}, std::string(64, 'b'));
  EXPECT_THAT(refusal("changed"), StartsWith("model `changed` v1 cannot be served: it was trained on a base "
                                             "with the digest bbbbbbbbbbbb, but `base` v1 has "));
  stage.scratch.file("odd/model.json", "{}");
  ASSERT_TRUE(stage.models->add_version(
      {.model = "odd", .content = stage.scratch.path / "odd", .at = stage.clock.now()}));
  EXPECT_THAT(refusal("odd"), HasSubstr("its model.json names no base and classes, so it is not a head"));
  EXPECT_EQ(stage.serving->deploy({}, "e", "none", "").error().code, Code::not_found);
}

TEST(Serving, EndpointNamesAreDnsLabels) {
  for (const char* name : {"a", "stamps", "a-1", "0"}) EXPECT_FALSE(endpoint_name_problem(name)) << name;
  EXPECT_FALSE(endpoint_name_problem(std::string(63, 'a')));
  for (const auto& name :
       std::vector<std::string>{"", "A", "a_b", "-a", "a-", "ä", "a.b", "a/b", std::string(64, 'a')})
    EXPECT_TRUE(endpoint_name_problem(name)) << name;
  Stage stage;
  EXPECT_EQ(stage.serving->deploy({}, "My Stamps", "x", "").error().message,
            "`My Stamps` is not a valid endpoint name; use 1 to 63 of a-z, 0-9 and `-`, not beginning or "
            "ending with `-`");
}

}  // namespace
}  // namespace sluice::serving
