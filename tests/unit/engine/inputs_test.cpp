// Inputs that arrive late, twice, or for something that does not exist (any more) change nothing.
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
      t: {process: [run], timeout: 1h, retry: {limit: 1, backoff: 1h}}
      other: {process: [run], cache: off}
)";

class LateInputs : public testing::Test {
 protected:
  LateInputs() {
    run_.emplace(plan_of(text), RunCreated{.pipeline = "main"}, services_);
    run_->proceed({});
  }

  /// Whether the input is ignored: it decides nothing, and the run stays as it is.
  bool ignores(const Input& input) {
    const auto before = run_->fingerprint();
    const auto decision = run_->decide(input, {});
    return decision.events.empty() && decision.commands.empty() && run_->fingerprint() == before;
  }
  void decide(const Input& input) { EXPECT_FALSE(ignores(input)); }

  const ir::Signatures services_;
  std::optional<engine::Run> run_;
};

const LookedUp hit{.path = "t", .key = Digest::of("key"), .hit = {}};
const Rejected rejected{.path = "t", .message = "never"};
const AttemptFinished failed{
    .path = "t", .number = 1, .outcome = {.status = Outcome::Status::failed, .failure = {.kind = "exit"}}};
Admitted admitted(std::int64_t number) { return {.path = "t", .number = number}; }
TimerFired fired(std::int64_t number) { return {.path = "t", .number = number}; }
AttemptFinished finished(std::int64_t number) { return {.path = "t", .number = number}; }

TEST_F(LateInputs, ForWhatDoesNotExist) {
  EXPECT_TRUE(ignores(LookedUp{.path = "no"}));
  EXPECT_TRUE(ignores(Admitted{.path = "no"}));
  EXPECT_TRUE(ignores(Rejected{.path = "no"}));
  EXPECT_TRUE(ignores(AttemptFinished{.path = "no"}));
  EXPECT_TRUE(ignores(TimerFired{.path = "no"}));
}

TEST_F(LateInputs, WhileATaskIsLookedUp) {
  EXPECT_TRUE(ignores(finished(0)));
  EXPECT_TRUE(ignores(finished(1)));
  EXPECT_TRUE(ignores(fired(0)));
  EXPECT_TRUE(ignores(fired(1)));
  EXPECT_TRUE(ignores(admitted(0)));
  EXPECT_TRUE(ignores(admitted(2)));
  EXPECT_TRUE(ignores(LookedUp{.path = "other"}));  // it is not cached
  decide(hit);
  EXPECT_TRUE(ignores(hit));
  EXPECT_TRUE(ignores(admitted(1)));
}

TEST_F(LateInputs, WhileATaskRuns) {
  decide(admitted(1));
  EXPECT_TRUE(ignores(hit));
  EXPECT_TRUE(ignores(admitted(1)));
  EXPECT_TRUE(ignores(admitted(2)));
  EXPECT_TRUE(ignores(rejected));
  EXPECT_TRUE(ignores(finished(2)));
  EXPECT_TRUE(ignores(fired(2)));
  decide(fired(1));
  EXPECT_TRUE(ignores(fired(1)));
  decide(finished(1));
}

TEST_F(LateInputs, BetweenTwoAttempts) {
  decide(admitted(1));
  decide(failed);
  EXPECT_TRUE(ignores(failed));
  EXPECT_TRUE(ignores(fired(1)));
  EXPECT_TRUE(ignores(hit));
  EXPECT_TRUE(ignores(admitted(1)));
  decide(admitted(2));
  EXPECT_TRUE(ignores(failed));
  EXPECT_TRUE(ignores(fired(1)));
  decide(finished(2));
}

TEST_F(LateInputs, AfterTheEnd) {
  decide(Rejected{.path = "other", .message = "never"});
  decide(admitted(1));
  decide(finished(1));
  ASSERT_TRUE(run_->ended());
  for (const auto& input :
       std::vector<Input>{hit, admitted(2), rejected, failed, fired(1), CancelRun{}, LimitExceeded{}})
    EXPECT_TRUE(ignores(input)) << input.index();
}

TEST_F(LateInputs, WhileTheRunStops) {
  decide(admitted(1));
  decide(CancelRun{.reason = "first"});
  EXPECT_TRUE(ignores(CancelRun{.reason = "second"}));
  EXPECT_TRUE(ignores(LimitExceeded{.message = "third"}));
  decide(finished(1));
  EXPECT_TRUE(run_->ended());
}

}  // namespace
}  // namespace sluice::engine
