// Windows and budgets: how much of a large run is under way at once, and that it ends.
#include <algorithm>
#include <deque>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "result_assertions.hpp"
#include "sluice/engine/run.hpp"
#include "sluice/ir/parse.hpp"
#include "sluice/ir/verify.hpp"

namespace sluice::engine {
namespace {

using testing::HasSubstr;

/// A run whose tasks succeed in the order in which they were started, and what it had under way at most.
class Flow {
 public:
  explicit Flow(const std::string& graph, const Limits& limits = {}) {
    auto lowered = test::value_of(ir::parse_plan("sluice: 1\npipelines:\n" + graph, "plan.yaml"));
    EXPECT_TRUE(lowered.problems.empty()) << syntax::render("plan.yaml", lowered.problems);
    EXPECT_TRUE(ir::verify(lowered.plan, services_).empty());
    plan_ = std::make_shared<const ir::Plan>(std::move(lowered.plan));
    created_.pipeline = plan_->entry() ? plan_->entry()->name : "main";
    run_.emplace(plan_, created_, services_, limits);
    take(run_->proceed({}));
  }

  /// Decides what is left, without ending a task.
  void decide() {
    while (more_) take(run_->proceed({}));
  }
  /// Ends at most so many tasks, the oldest first.
  void end_tasks(std::size_t count = SIZE_MAX) {
    for (decide(); count > 0 && !open_.empty(); --count) {
      const auto attempt = std::move(open_.front());
      open_.pop_front();
      take(run_->decide(AttemptFinished{.path = attempt.path, .number = attempt.number}, {}));
      decide();
    }
  }
  void input(const Input& input) {
    take(run_->decide(input, {}));
    decide();
  }
  /// Replays all events so far into a new run.
  void replay() {
    const auto before = run_->fingerprint();
    run_.emplace(plan_, created_, services_);
    for (const auto& event : events_) ASSERT_OK(run_->apply(event));
    EXPECT_EQ(run_->fingerprint(), before);
    open_.clear();
    started_ = 0;
    more_ = true;
    for (const auto& command : run_->open_commands()) carry_out(command);
  }

  [[nodiscard]] const Run& run() const { return *run_; }
  [[nodiscard]] std::size_t open() const { return open_.size(); }
  [[nodiscard]] std::size_t most_events() const { return most_events_; }
  [[nodiscard]] std::int64_t most_iterations() const { return most_iterations_; }
  [[nodiscard]] std::size_t most_open() const { return most_open_; }
  [[nodiscard]] std::size_t started() const { return started_; }

 private:
  void take(Decision decision) {
    for (const auto& event : decision.events) {
      if (std::holds_alternative<IterationStarted>(event))
        most_iterations_ = std::max(most_iterations_, ++iterations_);
      if (std::holds_alternative<IterationEnded>(event)) --iterations_;
      events_.push_back(event);
    }
    most_events_ = std::max(most_events_, decision.events.size());
    more_ = decision.more;
    for (const auto& command : decision.commands) carry_out(command);
    most_open_ = std::max(most_open_, open_.size());
  }
  void carry_out(const Command& command) {
    if (const auto* attempt = std::get_if<StartAttempt>(&command)) {
      open_.push_back(*attempt);
      ++started_;
    } else if (const auto* admit = std::get_if<Admit>(&command)) {
      take(run_->decide(Admitted{.path = admit->path, .number = admit->number}, {}));
    }
  }

  const ir::Signatures services_;
  std::shared_ptr<const ir::Plan> plan_;
  RunCreated created_;
  std::optional<Run> run_;
  std::vector<Event> events_;
  std::deque<StartAttempt> open_;
  bool more_ = false;
  std::int64_t iterations_ = 0;
  std::size_t started_ = 0;
  std::size_t most_events_ = 0;
  std::int64_t most_iterations_ = 0;
  std::size_t most_open_ = 0;
};

std::string each(std::int64_t items, const std::string& more = "") {
  return "  main:\n    graph:\n      fan:\n        each: \"${range(" + std::to_string(items) +
         ")}\"\n        as: i\n" + more + "        graph: {t: {process: [run], cache: off}}\n";
}

std::string nested(std::int64_t outer, std::int64_t inner) {
  return "  main:\n    graph:\n      outer:\n        each: \"${range(" + std::to_string(outer) +
         ")}\"\n        as: i\n        graph:\n          inner:\n            each: \"${range(" +
         std::to_string(inner) +
         ")}\"\n            as: j\n            graph: {t: {process: [run], cache: off}}\n";
}

/// A decision may exceed its budget by what one operation causes.
constexpr std::size_t events_max = Limits().decision_events + 10;

TEST(Window, AnEachHas1024IterationsAtOnce) {
  Flow flow(each(5'000));
  flow.end_tasks();
  EXPECT_EQ(flow.most_iterations(), Limits().iterations_at_once);
  EXPECT_EQ(flow.started(), 5'000U);
  EXPECT_LE(flow.most_events(), events_max);
  ASSERT_TRUE(flow.run().ended());
  EXPECT_EQ(flow.run().result()->status, Status::succeeded);
}

TEST(Window, ALimitOfThePlanMayBeLarger) {
  Flow flow(each(5'000, "        limit: 3000\n"));
  flow.end_tasks();
  EXPECT_EQ(flow.most_iterations(), 3'000);
  EXPECT_TRUE(flow.run().ended());
}

TEST(Window, UnfinishedIterationsHave8192OperationsAtMost) {
  Flow flow(each(20'000, "        limit: 20000\n"));
  flow.end_tasks();
  EXPECT_EQ(flow.most_iterations(), static_cast<std::int64_t>(Limits().operations_in_iterations));
  EXPECT_EQ(flow.started(), 20'000U);
  EXPECT_TRUE(flow.run().ended());
}

TEST(Window, NestedOnesStaySmallAndCanBeCancelled) {
  Flow flow(nested(100'000, 1'000));
  flow.decide();
  // Beyond the common limit, each inner one has its first iteration.
  constexpr auto most = Limits().operations_in_iterations + 1'024;
  EXPECT_GT(flow.open(), Limits().operations_in_iterations / 2);
  flow.end_tasks(3'000);
  EXPECT_LE(flow.most_open(), most);
  EXPECT_LE(flow.most_events(), events_max);
  flow.input(CancelRun{.reason = "too many"});
  flow.end_tasks();
  ASSERT_TRUE(flow.run().ended());
  EXPECT_EQ(flow.run().result()->status, Status::cancelled);
}

TEST(Window, NestedOnesNeverWaitForEachOther) {
  for (const auto& [outer, inner] : {std::pair{3'000, 2}, {2, 9'000}, {1'100, 10}}) {
    SCOPED_TRACE(outer);
    Flow flow(nested(outer, inner));
    flow.end_tasks();
    EXPECT_EQ(flow.started(), static_cast<std::size_t>(outer) * static_cast<std::size_t>(inner));
    ASSERT_TRUE(flow.run().ended());
    EXPECT_EQ(flow.run().result()->status, Status::succeeded);
  }
}

TEST(Window, ARunContinuesAfterAReplayAtAnyMoment) {
  Flow flow(nested(1'100, 2));
  for (std::size_t step = 0; step < 6; ++step) {
    flow.end_tasks(step * 37);
    flow.replay();
  }
  flow.end_tasks();
  EXPECT_TRUE(flow.run().ended());
}

TEST(Window, AReplayInTheMiddleOfADecisionContinuesIt) {
  Flow flow(each(5'000));  // the first decision has spent its budget
  flow.replay();
  flow.end_tasks();
  EXPECT_TRUE(flow.run().ended());
}

TEST(Window, ACancelledRunBeginsNothing) {
  Flow flow(each(5'000));
  flow.replay();
  flow.input(CancelRun{.reason = "no longer wanted"});
  EXPECT_EQ(flow.started(), flow.open());
  const auto started = flow.started();
  flow.end_tasks();
  EXPECT_EQ(flow.started(), started);
  EXPECT_TRUE(flow.run().ended());
}

TEST(Window, NothingStartsInAStoppedRegionBetweenTwoDecisions) {
  // The first decision has spent its budget with the failure: it has not yet cancelled the task, which is
  // admitted before the next one.
  Flow flow(
      "  main:\n    on_failure: stop\n    graph: {t: {process: [run], cache: off}, bad: {raise: enough}}\n",
      {.decision_events = 2});
  flow.decide();
  EXPECT_EQ(flow.started(), 0U);
  EXPECT_TRUE(flow.run().ended());
}

TEST(Limits, PipelinesThatCallEachOtherTooOftenFail) {
  std::string text = "  main:\n    graph: {a: {call: p0}}\n";
  for (int i = 0; i < 12; ++i) {
    text += "  p" + std::to_string(i) + ":\n    graph:\n";
    for (int k = 0; k < 10; ++k)
      text += "      c" + std::to_string(k) +
              (i == 11 ? ": {process: [run], cache: off}\n" : ": {call: p" + std::to_string(i + 1) + "}\n");
  }
  Flow flow(text, {.operations = 1'000});
  flow.end_tasks();
  ASSERT_TRUE(flow.run().ended());
  EXPECT_EQ(flow.run().result()->status, Status::failed);
  EXPECT_THAT(flow.run().result()->failure.message, HasSubstr("a run has at most 1000 operations at once"));
}

TEST(Limits, AnEachWaitsForRoomInsteadOfFailing) {
  Flow flow(each(500), {.operations = 100});
  flow.end_tasks();
  EXPECT_EQ(flow.most_open(), 99U);
  EXPECT_EQ(flow.run().result()->status, Status::succeeded);
}

TEST(Limits, ARunThatExceedsOneFailsAndNothingNewBegins) {
  Flow flow(each(5'000));
  flow.decide();
  flow.input(LimitExceeded{.message = "the journal has at most 5 events"});
  const auto started = flow.started();
  flow.input(CancelRun{.reason = "also"});
  flow.replay();
  flow.end_tasks();
  EXPECT_LE(flow.started(), started);
  ASSERT_TRUE(flow.run().ended());
  EXPECT_EQ(flow.run().result()->status, Status::failed);
  EXPECT_EQ(flow.run().result()->failure.kind, "limit");
  EXPECT_EQ(flow.run().result()->failure.message, "the journal has at most 5 events");
}

}  // namespace
}  // namespace sluice::engine
