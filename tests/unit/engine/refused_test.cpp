// Journals that do not fit the plan: an event that cannot occur in the state of its run is refused.
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "result_assertions.hpp"
#include "sluice/engine/run.hpp"
#include "small_runs.hpp"

namespace sluice::engine {
namespace {

constexpr auto text = R"(  main:
    graph:
      t: {process: [run], retry: {limit: 1}}
      u: {process: [run]}
      fan:
        each: "${range(2)}"
        as: item
        graph: {inner: {process: [run]}}
      choice:
        branch:
        - {when: "${true}", graph: {left: {process: [run]}}}
        - else: {graph: {right: {process: [run]}}}
)";

class Refused : public testing::Test {
 protected:
  Refused() { run_.emplace(plan_of(text), RunCreated{.pipeline = "main"}, services_); }

  void apply(const std::vector<Event>& events) {
    for (const auto& event : events) ASSERT_OK(run_->apply(event)) << encode(event);
  }
  /// The problem with an event, without what is the same for all.
  std::string problem(const Event& event) {
    const auto applied = run_->apply(event);
    EXPECT_FALSE(applied) << encode(event);
    if (applied) return "";
    EXPECT_EQ(applied.error().code, Code::data_loss);
    const std::string begin = "the journal does not fit the plan: ";
    EXPECT_TRUE(applied.error().message.starts_with(begin)) << applied.error().message;
    return applied.error().message.substr(begin.size());
  }

  const ir::Signatures services_;
  std::optional<engine::Run> run_;
};

const TaskReady ready{.path = "t"};
Scheduled scheduled(std::int64_t number) { return {.path = "t", .number = number, .fence = {"f"}}; }
AttemptEnded ended(std::int64_t number) { return {.path = "t", .number = number}; }

TEST_F(Refused, ARunIsCreatedOnceAndEndsOnce) {
  EXPECT_EQ(problem(RunCreated{}), "a run is created twice");
  apply({RunEnded{}});
  EXPECT_EQ(problem(RunEnded{}), "the run ends twice");
  EXPECT_EQ(problem(ready), "there is no operation `t`");
}

TEST_F(Refused, EpochsAreConsecutive) {
  for (const auto epoch : {0, 1, 3})
    EXPECT_EQ(problem(Claimed{.epoch = epoch}), "epoch " + std::to_string(epoch));
  apply({Claimed{.epoch = 2}, Claimed{.epoch = 3}});
  EXPECT_EQ(problem(Claimed{.epoch = 3}), "epoch 3");
}

TEST_F(Refused, PathsAreThoseOfOperations) {
  for (const std::string path :
       {"", "no", "t/inner", "fan[0]/inner", "fan[x]/inner", "%zz", "choice{0}/left"})
    EXPECT_EQ(problem(TaskReady{.path = path}), "there is no operation `" + path + "`");
  apply({RegionStarted{.path = "fan", .items = {1, 2}}, IterationStarted{.path = "fan", .index = 0}});
  for (const std::string path :
       {"fan[1]/inner", "fan[-1]/inner", "fan[]/inner", "fan[0]/no", "fan[0]/inner/no", "fan/inner"})
    EXPECT_EQ(problem(TaskReady{.path = path}), "there is no operation `" + path + "`");
  apply({TaskReady{.path = "fan[0]/inner"}});
}

TEST_F(Refused, ABranchHasTheArmThatIsTaken) {
  EXPECT_EQ(problem(RegionStarted{.path = "choice", .arm = 2}), "`choice` has no arm 2");
}

TEST_F(Refused, IterationsStartInTheirOrderAndEndOnce) {
  const auto refused = [&](const Event& event, std::int64_t index) {
    EXPECT_EQ(problem(event), "iteration " + std::to_string(index) + " of `fan`");
  };
  apply({RegionStarted{.path = "fan", .items = {1, 2}}});
  refused(IterationStarted{.path = "fan", .index = 1}, 1);
  refused(IterationEnded{.path = "fan", .index = 0}, 0);
  apply({IterationStarted{.path = "fan", .index = 0}});
  refused(IterationStarted{.path = "fan", .index = 0}, 0);
  apply({IterationStarted{.path = "fan", .index = 1}});
  refused(IterationStarted{.path = "fan", .index = 2}, 2);
  apply({IterationEnded{.path = "fan", .index = 0}});
  refused(IterationEnded{.path = "fan", .index = 0}, 0);

  apply({RegionStarted{.path = "choice", .arm = 0}});
  EXPECT_EQ(problem(IterationStarted{.path = "choice", .index = 0}), "iteration 0 of `choice`");
  EXPECT_EQ(problem(IterationEnded{.path = "choice", .index = 0}), "iteration 0 of `choice`");
}

TEST_F(Refused, AttemptsAreNumberedFromOneAndEndOnce) {
  const auto refused = [&](const Event& event, std::int64_t number) {
    EXPECT_EQ(problem(event), "attempt " + std::to_string(number) + " of `t`");
  };
  refused(scheduled(1), 1);  // not ready
  apply({ready});
  refused(scheduled(0), 0);
  refused(scheduled(2), 2);
  apply({scheduled(1)});
  refused(scheduled(2), 2);  // the first is not over
  refused(ended(2), 2);
  refused(TimedOut{.path = "t", .number = 2}, 2);
  apply({TimedOut{.path = "t", .number = 1}, ended(1)});
  refused(scheduled(1), 1);
  EXPECT_EQ(problem(RetryAt{.path = "t", .policy = 1}), "`t` has no retry policy 1");
  EXPECT_EQ(problem(RetryAt{.path = "t", .policy = -1}), "`t` has no retry policy -1");
  apply({RetryAt{.path = "t"}, scheduled(2), ended(2), Ended{.path = "t"}});
  refused(scheduled(3), 3);
  EXPECT_EQ(problem(Ended{.path = "t"}), "`t` ends twice");
}

TEST_F(Refused, EachEventHasItsPhase) {
  const auto refused = [&](const Event& event) {
    EXPECT_EQ(problem(event), "this event cannot occur in the current phase of `t`");
  };
  for (const Event& event :
       std::vector<Event>{ended(1), RetryAt{.path = "t"}, CacheHit{.path = "t"}, TimedOut{.path = "t"},
                          IterationStarted{.path = "t"}, IterationEnded{.path = "t"}})
    refused(event);
  apply({ready});
  refused(ready);
  refused(RegionStarted{.path = "t"});
  refused(CacheHit{.path = "t"});  // it is not looked up
  apply({scheduled(1), ended(1)});
  refused(ended(1));
  refused(TimedOut{.path = "t"});
}

}  // namespace
}  // namespace sluice::engine
