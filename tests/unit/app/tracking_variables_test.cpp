#include "sluice/app/tracking_variables.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::app {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::StartsWith;

const access::TaskTokens tokens("key");

ports::Attempt attempt_of(engine::TaskSpec::Kind kind = engine::TaskSpec::Kind::process) {
  ports::Attempt attempt{
      .run = {"r1"}, .path = "train", .fence = {"f00d"}, .principal = {}, .work = {}, .effect_key = ""};
  attempt.work.kind = kind;
  return attempt;
}

TEST(TrackingVariables, NameTheServerTheRunAndItsToken) {
  const auto variables = tracking_variables(attempt_of(), {.url = "http://127.0.0.1:8080"}, tokens);
  ASSERT_THAT(variables, ElementsAre("MLFLOW_TRACKING_URI=http://127.0.0.1:8080", "MLFLOW_RUN_ID=f00d",
                                     StartsWith("MLFLOW_TRACKING_TOKEN=")));
  const auto caller = tokens.caller_of(std::string_view(variables[2]).substr(variables[2].find('=') + 1));
  ASSERT_TRUE(caller && caller->task);
  EXPECT_EQ(caller->task->fence.text, "f00d");
}

TEST(TrackingVariables, AreNoneWithoutAServer) {
  EXPECT_THAT(tracking_variables(attempt_of(), {}, tokens), IsEmpty());
}

TEST(TrackingVariables, AreNoneForAPlanThatTracksElsewhere) {
  for (const auto* name : {"MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"}) {
    auto attempt = attempt_of();
    attempt.work.env.append(name, "x");
    EXPECT_THAT(tracking_variables(attempt, {.url = "http://127.0.0.1:8080"}, tokens), IsEmpty()) << name;
  }
}

TEST(TrackingVariables, AreForContainersThatReachTheServer) {
  const auto container = attempt_of(engine::TaskSpec::Kind::container);
  EXPECT_THAT(tracking_variables(container, {.url = "http://127.0.0.1:8080"}, tokens), IsEmpty());
  const ServedAt beyond{.url = "http://127.0.0.1:8080", .from_elsewhere = "http://10.0.0.5:8080"};
  EXPECT_THAT(tracking_variables(container, beyond, tokens),
              ElementsAre("MLFLOW_TRACKING_URI=http://10.0.0.5:8080", "MLFLOW_RUN_ID=f00d",
                          StartsWith("MLFLOW_TRACKING_TOKEN=")));
  EXPECT_THAT(tracking_variables(attempt_of(), beyond, tokens)[0],
              "MLFLOW_TRACKING_URI=http://127.0.0.1:8080");
}

TEST(TrackingVariables, AreNoneForATokenThatNoHeadHolds) {
  auto attempt = attempt_of();
  attempt.path = std::string(access::TaskTokens::bytes_max, 'x');
  EXPECT_THAT(tracking_variables(attempt, {.url = "http://127.0.0.1:8080"}, tokens), IsEmpty());
}

TEST(TrackingVariables, TrustTheServersCertificateOverLoopbackAlone) {
  EXPECT_THAT(tracking_variables(attempt_of(), {.url = "https://127.0.0.1:8080"}, tokens),
              testing::Contains("MLFLOW_TRACKING_INSECURE_TLS=true"));
  EXPECT_EQ(tracking_variables(attempt_of(), {.url = "https://sluice.example:8080"}, tokens).size(), 3U);
}

}  // namespace
}  // namespace sluice::app
