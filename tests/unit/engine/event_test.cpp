#include "sluice/engine/event.hpp"

#include <gtest/gtest.h>

#include "result_assertions.hpp"
#include "sluice/base/json.hpp"

namespace sluice::engine {
namespace {

Struct one(std::string key, Value value) {
  Struct s;
  s.set(std::move(key), std::move(value));
  return s;
}

Time at(std::int64_t milliseconds) { return Time(Milliseconds(milliseconds)); }

/// Values of every kind, names that look like tags among them.
Struct values() {
  auto s = one(
      "artifact",
      Artifact{
          .kind = "table", .form = Form::directory, .digest = Digest::of("x"), .size = 3, .name = "scores"});
  s.set("$artifact", List{1, 1.0, Value(), true, "text"});
  s.set("late",
        Template{.parts = {std::string("--out="),
                           Hole{.kind = Hole::Kind::output, .artifact = nullptr, .output = "report"}}});
  return s;
}

const Failure failure{.kind = "raise", .message = "too low", .payload = values(), .source = "a{1}/b"};

std::vector<Event> all_events() {
  const Outcome failed{
      .status = Outcome::Status::failed,
      .failure = failure,
      .environment = one("executable", "/bin/sh"),
      .usage = {
          .started = at(5), .ended = at(9), .cpu_ms = 3, .memory_peak = 1 << 20, .memory_of_tree = true}};
  return {
      RunCreated{.run = {"r1"},
                 .principal = {.workspace = "team", .name = "ann"},
                 .name = "plan.yaml",
                 .pipeline = "main",
                 .plan = "sluice: 1\n",
                 .plan_digest = Digest::of("plan"),
                 .inputs = values(),
                 .code = values(),
                 .cache = false,
                 .at = at(1'764'000'000'000)},
      Opened{.path = "a", .arm = 1},
      Opened{.path = "folds", .items = {1, values()}, .limit = 2},
      Opened{.path = "sub", .inputs = values()},
      IterationOpened{.path = "folds", .index = 3},
      IterationEnded{.path = "folds", .index = 3, .status = Status::failed, .failure = failure},
      TaskReady{.path = "a", .call = values(), .cacheable = true},
      CacheHit{.path = "a",
               .key = Digest::of("key"),
               .outputs = values(),
               .run = {"r0"},
               .made_by = "b",
               .at = at(7)},
      Scheduled{.path = "a", .number = 2, .fence = {"f"}, .key = Digest::of("key"), .at = at(7)},
      Scheduled{.path = "a", .number = 1, .fence = {"f"}, .key = std::nullopt, .at = at(7)},
      AttemptEnded{.path = "a", .number = 2, .outcome = {.outputs = values()}},
      AttemptEnded{.path = "a", .number = 2, .outcome = failed},
      AttemptEnded{
          .path = "a",
          .number = 2,
          .outcome = {.status = Outcome::Status::lost, .failure = {.kind = "lost", .message = "gone"}}},
      RetryAt{.path = "a", .due = at(100), .policy = 1},
      TimedOut{.path = "a", .number = 4},
      Stopping{.path = "", .reason = "no longer wanted"},
      Ended{.path = "a", .status = Status::skipped, .at = at(8)},
      Ended{.path = "a", .status = Status::succeeded, .outputs = values(), .at = at(8)},
      RunEnded{.status = Status::cancelled, .failure = failure, .at = at(9)},
  };
}

TEST(Events, ReadBackWhatWasWritten) {
  for (const auto& event : all_events()) {
    const auto text = encode(event);
    const auto again = decode(text);
    ASSERT_OK(again) << text;
    EXPECT_EQ(again->index(), event.index()) << text;
    EXPECT_EQ(encode(*again), text);
  }
}

TEST(Events, CarryTheirTypeAndVersion) {
  EXPECT_EQ(encode(TimedOut{.path = "a", .number = 4}), R"({"t":"timed_out","v":1,"path":"a","number":4})");
  const auto decoded = decode(R"({"t":"retry_at","v":1,"path":"a","due":100,"policy":1})");
  ASSERT_TRUE(decoded);
  EXPECT_EQ(std::get<RetryAt>(*decoded).due, at(100));
}

std::string problem(std::string_view text) { return test::message_of(decode(text)); }

TEST(Events, OfALaterVersionAreRefused) {
  EXPECT_EQ(problem(R"({"t":"timed_out","v":2,"path":"a"})"),
            "journal event: version 2 is not known here; was it written by a later version?");
  EXPECT_EQ(problem(R"({"t":"new_kind","v":1})"),
            "journal event: unknown type `new_kind`; was it written by a later version?");
  EXPECT_EQ(problem(R"({"t":"run_ended","v":1,"status":"paused"})"),
            "journal event: unknown status `paused`");
  EXPECT_EQ(problem(R"({"t":"attempt_ended","v":1,"path":"a","outcome":{"status":"paused"}})"),
            "journal event: unknown outcome `paused`");
}

TEST(Events, ThatAreDamagedAreRefused) {
  EXPECT_EQ(problem("{"), "journal event:1:2: the text ends too early");
  EXPECT_EQ(problem(R"({"t":"attempt_ended","v":1,"path":"a"})"), "journal event: no outcome");
  EXPECT_EQ(problem(R"({"t":"cache_hit","v":1,"path":"a","key":"abc"})"),
            "journal event: a digest is 64 hexadecimal digits, not 3");
  EXPECT_EQ(problem(R"({"t":"ended","v":1,"path":"a","status":"succeeded","outputs":{"x":{"$artifact":3}}})"),
            "journal event: $artifact must be an object");
}

}  // namespace
}  // namespace sluice::engine
