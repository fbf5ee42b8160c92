#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "result_assertions.hpp"
#include "sluice/engine/run.hpp"

namespace sluice::engine {
namespace {

Time at(std::int64_t milliseconds) { return Time(Milliseconds(milliseconds)); }

/// One task with two retry policies.
std::shared_ptr<const ir::Plan> plan() {
  ir::Operation task{.name = "t", .what = ir::Process{}};
  task.retry.resize(2);
  ir::Pipeline main{.name = "main"};
  main.body.operations.push_back(std::move(task));
  auto made = std::make_shared<ir::Plan>();
  made->pipelines.push_back(std::move(main));
  return made;
}

struct History {
  std::string input = "a";
  std::vector<Event> events;
};

std::string fingerprint_of(const History& history) {
  static const ir::Signatures none;
  RunCreated created{.run = {"r"}, .pipeline = "main"};
  created.inputs.set("input", history.input);
  Run run(plan(), created, none);
  for (const auto& event : history.events) EXPECT_OK(run.apply(event)) << encode(event);
  return run.fingerprint().hex();
}

const TaskReady ready{.path = "t"};

Scheduled scheduled(std::int64_t number, std::optional<Digest> key = std::nullopt, Time when = {}) {
  return {.path = "t", .number = number, .fence = {"f"}, .key = key, .at = when};
}

AttemptEnded ended(std::int64_t number, Outcome::Status status, const std::string& message = "") {
  return {.path = "t", .number = number, .outcome = {.status = status, .failure = {.message = message}}};
}

RetryAt retry(std::int64_t policy) { return {.path = "t", .due = at(5), .policy = policy}; }

TEST(Fingerprint, IsThatOfTheCompleteState) {
  using enum Outcome::Status;
  auto called = ready;
  called.call.set("argv", List{"run"});
  const std::map<std::string, std::pair<History, History>> pairs{
      {"inputs", {{.input = "a"}, {.input = "b"}}},
      {"the reason for stopping",
       {{.events = {Stopping{.reason = "a"}}}, {.events = {Stopping{.reason = "b"}}}}},
      {"the call", {{.events = {ready}}, {.events = {called}}}},
      {"the key", {{.events = {ready, scheduled(1)}}, {.events = {ready, scheduled(1, Digest::of("k"))}}}},
      {"when it was scheduled",
       {{.events = {ready, scheduled(1)}}, {.events = {ready, scheduled(1, std::nullopt, at(1))}}}},
      {"when it was scheduled first",
       {{.events = {ready, scheduled(1), ended(1, lost), scheduled(2)}},
        {.events = {ready, scheduled(1, std::nullopt, at(1)), ended(1, lost), scheduled(2)}}}},
      {"the last outcome",
       {{.events = {ready, scheduled(1), ended(1, failed, "a")}},
        {.events = {ready, scheduled(1), ended(1, failed, "b")}}}},
      {"attempts lost in a row",
       {{.events = {ready, scheduled(1), ended(1, failed), scheduled(2), ended(2, lost)}},
        {.events = {ready, scheduled(1), ended(1, lost), scheduled(2), ended(2, lost)}}}},
      {"retries of each policy",
       {{.events = {ready, scheduled(1), ended(1, failed), retry(0)}},
        {.events = {ready, scheduled(1), ended(1, failed), retry(1)}}}},
  };
  for (const auto& [what, pair] : pairs) {
    EXPECT_NE(fingerprint_of(pair.first), fingerprint_of(pair.second)) << what;
    EXPECT_EQ(fingerprint_of(pair.first), fingerprint_of(pair.first)) << what;
  }
}

TEST(Fingerprint, HasTheResultsOfIterations) {
  const auto of = [](const Value& item, const IterationEnded& ended) {
    static const ir::Signatures none;
    ir::Operation loop{.name = "l", .what = ir::Each{.as = "i", .region = std::make_unique<ir::Region>()}};
    ir::Pipeline main{.name = "main"};
    main.body.operations.push_back(std::move(loop));
    auto plan = std::make_shared<ir::Plan>();
    plan->pipelines.push_back(std::move(main));
    engine::Run run(plan, RunCreated{.run = {"r"}, .pipeline = "main"}, none);
    for (const Event& event : std::vector<Event>{RegionStarted{.path = "l", .items = {item, 2}},
                                                 IterationStarted{.path = "l"}, ended})
      EXPECT_OK(run.apply(event));
    return run.fingerprint().hex();
  };
  Struct outputs;
  outputs.set("o", 1);
  const std::vector<std::string> all{
      of(1, {.path = "l"}),
      of(0, {.path = "l"}),
      of(1, {.path = "l", .outputs = outputs}),
      of(1, {.path = "l", .status = Status::skipped}),
      of(1, {.path = "l", .failure = {.kind = "exit"}}),
  };
  EXPECT_EQ(std::set(all.begin(), all.end()).size(), all.size());
}

}  // namespace
}  // namespace sluice::engine
