#include "sluice/engine/event.hpp"

#include <functional>
#include <map>
#include <set>

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

/// Values of every kind, including names that look like tags.
Struct values() {
  auto s = one(
      "artifact",
      Artifact{
          .kind = "table", .form = Form::directory, .digest = Digest::of("x"), .size = 3, .name = "scores"});
  s.set("$artifact", List{1, 1.0, Value(), true, "text"});
  s.set("late",
        Template{.parts = {std::string("--out="), PathPlaceholder{.kind = PathPlaceholder::Kind::output,
                                                                  .artifact = nullptr,
                                                                  .output = "report"}}});
  return s;
}

const Failure failure{.kind = "raise",
                      .message = "too low",
                      .payload = values(),
                      .source = "a{1}/b",
                      .exit_code = 75,
                      .signal = 9};

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
      RegionStarted{.path = "a", .arm = 1},
      RegionStarted{.path = "folds", .items = {1, values()}, .limit = 2},
      RegionStarted{.path = "sub", .inputs = values()},
      IterationStarted{.path = "folds", .index = 3},
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
      Ended{.path = "a", .status = Status::failed, .failure = failure, .at = at(8)},
      Claimed{.epoch = 3, .at = at(4)},
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

TEST(Events, AreReadWithAllTheirFields) {
  const auto opened = std::get<RegionStarted>(test::value_of(decode(encode(RegionStarted{.path = "a"}))));
  EXPECT_EQ(opened.arm, -1);
  EXPECT_EQ(opened.limit, 0);
  const Outcome lost{
      .status = Outcome::Status::lost,
      .failure = failure,
      .environment = "here",
      .usage = {
          .started = at(5), .ended = at(9), .cpu_ms = 3, .memory_peak = 1 << 20, .memory_of_tree = true}};
  EXPECT_EQ(
      encode(AttemptEnded{.path = "a", .number = 2, .outcome = lost}),
      R"({"t":"attempt_ended","v":1,"path":"a","number":2,"outcome":{"status":"lost",)"
      R"("failure":{"kind":"raise","message":"too low","payload":)" +
          to_json(to_tagged(failure.payload)) +
          R"(,"source":"a{1}/b","exit_code":75,"signal":9},"environment":"here","started":5,"ended":9,"cpu_ms":3,)"
          R"("memory_peak":1048576,"memory_of_tree":true}})");
  EXPECT_EQ(encode(Scheduled{.path = "a", .number = 2, .fence = {"f"}, .gpus = {0, 3}, .at = at(7)}),
            R"({"t":"scheduled","v":1,"path":"a","number":2,"fence":"f","gpus":[0,3],"at":7})");
  EXPECT_EQ(encode(Stopping{.path = "", .reason = "full", .limit = true}),
            R"({"t":"stopping","v":1,"path":"","reason":"full","limit":true})");
}

std::string problem(std::string_view text) { return test::message_of(decode(text)); }

TEST(Events, OfALaterVersionAreRefused) {
  EXPECT_EQ(problem(R"({"t":"timed_out","v":2,"path":"a"})"),
            "journal event: unsupported version 2; was it written by a later release?");
  EXPECT_EQ(problem(R"({"t":"new_kind","v":1})"),
            "journal event: unknown type `new_kind`; was it written by a later release?");
  EXPECT_EQ(problem(R"({"t":"run_ended","v":1,"status":"paused"})"),
            "journal event: unknown status `paused`");
  EXPECT_EQ(problem(R"({"t":"attempt_ended","v":1,"path":"a","number":1,"outcome":{"status":"paused"}})"),
            "journal event: unknown outcome `paused`");
}

TEST(Events, ThatAreDamagedAreRefused) {
  EXPECT_EQ(problem("{"), "journal event:1:2: unexpected end of text");
  EXPECT_EQ(problem("[]"), "journal event: it must be a JSON object");
  EXPECT_EQ(problem(R"({"t":"timed_out","path":"a","number":1})"), "journal event: missing field `v`");
  EXPECT_EQ(problem(R"({"v":1,"path":"a","number":1})"), "journal event: missing field `t`");
  EXPECT_EQ(problem(R"({"t":"cache_hit","v":1,"path":"a","key":"abc"})"),
            "journal event: a digest is 64 hexadecimal digits, not 3");
  EXPECT_EQ(problem(R"({"t":"ended","v":1,"path":"a","status":"succeeded","outputs":{"x":{"$artifact":3}}})"),
            "journal event: $artifact must be an object");
}

// The fields that the first version always writes. Fields of inner objects are named "outcome.status".
const std::map<std::string, std::set<std::string>> always_written{
    {"run_created",
     {"run", "principal", "principal.workspace", "principal.name", "name", "pipeline", "plan", "plan_digest",
      "inputs", "code", "cache", "at"}},
    {"claimed", {"epoch", "at"}},
    {"opened", {"path"}},
    {"iteration_opened", {"path", "index"}},
    {"iteration_ended", {"path", "index", "status", "failure.kind", "failure.message"}},
    {"task_ready", {"path", "call"}},
    {"cache_hit", {"path", "key", "outputs", "run", "made_by", "at"}},
    {"scheduled", {"path", "number", "fence", "at"}},
    {"attempt_ended",
     {"path", "number", "outcome", "outcome.status", "outcome.failure", "outcome.failure.kind",
      "outcome.failure.message", "outcome.started", "outcome.ended", "outcome.cpu_ms",
      "outcome.memory_peak"}},
    {"retry_at", {"path", "due", "policy"}},
    {"timed_out", {"path", "number"}},
    {"stopping", {"path", "reason"}},
    {"ended", {"path", "status", "failure.kind", "failure.message", "at"}},
    {"run_ended", {"status", "failure.kind", "failure.message", "at"}},
};

/// For each field of an event, including those of its inner objects: calls `change` with a copy of the object
/// that has the field, and `check` with the field and the changed event.
void for_each_field(const Value& json, const std::function<void(Struct&, const std::string&)>& change,
                    const std::function<void(const std::string&, const Value&)>& check,
                    const std::string& prefix = "") {
  for (const auto& [key, value] : *json.if_struct()) {
    auto changed = *json.if_struct();
    change(changed, key);
    check(prefix + key, changed);
    if (key == "principal" || key == "outcome" || key == "failure")
      for_each_field(
          value, change,
          [&](const std::string& field, const Value& inside) {
            auto outer = *json.if_struct();
            outer.set(key, inside);
            check(field, outer);
          },
          prefix + key + ".");
  }
}

TEST(Events, WithoutAFieldThatIsAlwaysWrittenAreDamaged) {
  auto left = always_written;  // and not removed yet
  for (const auto& event : all_events()) {
    const auto json = parse_json(encode(event)).value();
    const auto type = json.text_at("t");
    for_each_field(
        json, [](Struct& fields, const std::string& key) { fields.erase(key); },
        [&](const std::string& field, const Value& without) {
          const auto read = decode(to_json(without));
          if (field == "t" || field == "v") {
            EXPECT_EQ(problem(to_json(without)), "journal event: missing field `" + field + "`");
          } else if (always_written.at(type).contains(field)) {
            ASSERT_FALSE(read) << to_json(without);
            EXPECT_EQ(read.error().message, "journal event: missing field `" + field + "` in `" + type + "`");
            EXPECT_EQ(read.error().code, Code::data_loss);
            left[type].erase(field);
          } else {
            EXPECT_OK(read) << to_json(without);
          }
        });
  }
  for (const auto& [type, fields] : left)
    for (const auto& field : fields) ADD_FAILURE() << type << "." << field << " was never removed";
}

TEST(Events, WithAFieldOfAnotherKindAreDamaged) {
  // A list is used as the wrong kind, as no field except `items` may be one; these two may have any kind.
  const std::set<std::string> any{"environment", "payload"};
  for (const auto& event : all_events()) {
    const auto json = parse_json(encode(event)).value();
    const auto type = json.text_at("t");
    for_each_field(
        json,
        [](Struct& fields, const std::string& key) {
          fields.set(key, key == "items" ? Value(true) : Value(List{}));
        },
        [&](const std::string& field, const Value& changed) {
          const auto read = decode(to_json(changed));
          if (field == "t" || field == "v") {
            EXPECT_FALSE(read) << to_json(changed);
          } else if (any.contains(field.substr(field.rfind('.') + 1))) {
            EXPECT_OK(read) << to_json(changed);
          } else {
            ASSERT_FALSE(read) << to_json(changed);
            const auto expected = "journal event: field `" + field + "` in `" + type + "` must be ";
            EXPECT_TRUE(read.error().message.starts_with(expected)) << read.error().message;
          }
        });
  }
}

}  // namespace
}  // namespace sluice::engine
