// The approximate size of an event: it grows by what its texts and values have more.
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "sluice/engine/event.hpp"

namespace sluice::engine {
namespace {

Struct one(const std::string& key, Value value) {
  Struct fields;
  fields.set(key, std::move(value));
  return fields;
}

Template template_of(std::string text) {
  return {.parts = {std::move(text), PathPlaceholder{.artifact = nullptr, .output = "o"}}};
}

Artifact artifact_of(std::string name, std::string uri, Struct metadata) {
  return {.name = std::move(name),
          .uri = std::move(uri),
          .metadata = std::make_shared<const Struct>(std::move(metadata))};
}

Failure failure_of(std::string kind, std::string message, std::string source, Value payload) {
  return {.kind = std::move(kind),
          .message = std::move(message),
          .payload = std::move(payload),
          .source = std::move(source)};
}

/// Events that differ in one text, which is `text`.
std::vector<Event> events_with(const std::string& text) {
  const auto fields = one("x", text);
  std::vector<Event> events{
      RunCreated{.plan = text},
      RunCreated{.inputs = fields},
      RunCreated{.code = fields},
      RegionStarted{.path = text},
      RegionStarted{.items = {text}},
      RegionStarted{.inputs = fields},
      IterationStarted{.path = text},
      IterationEnded{.path = text},
      IterationEnded{.outputs = fields},
      TaskReady{.path = text},
      TaskReady{.call = fields},
      CacheHit{.path = text},
      CacheHit{.outputs = fields},
      CacheHit{.made_by = text},
      Scheduled{.path = text},
      AttemptEnded{.path = text},
      AttemptEnded{.outcome = {.outputs = fields}},
      AttemptEnded{.outcome = {.environment = text}},
      RetryAt{.path = text},
      TimedOut{.path = text},
      Stopping{.path = text},
      Stopping{.reason = text},
      Ended{.path = text},
      Ended{.outputs = fields},
      RunEnded{.outputs = fields},
      // Each kind of value, and the names of fields.
      TaskReady{.call = one("x", List{1, text})},
      TaskReady{.call = one("x", fields)},
      TaskReady{.call = one(text, 1)},
      TaskReady{.call = one("x", template_of(text))},
      TaskReady{.call = one("x", artifact_of(text, "", {}))},
      TaskReady{.call = one("x", artifact_of("", text, {}))},
      TaskReady{.call = one("x", artifact_of("", "", fields))},
  };
  for (const auto& failure : {failure_of(text, "", "", {}), failure_of("", text, "", {}),
                              failure_of("", "", text, {}), failure_of("", "", "", text)}) {
    events.emplace_back(IterationEnded{.failure = failure});
    events.emplace_back(AttemptEnded{.outcome = {.failure = failure}});
    events.emplace_back(Ended{.failure = failure});
    events.emplace_back(RunEnded{.failure = failure});
  }
  return events;
}

TEST(EventSize, GrowsByTheLengthOfEachText) {
  const auto shorter = events_with("text");
  const auto longer = events_with("text" + std::string(1'000, '.'));
  for (std::size_t i = 0; i < shorter.size(); ++i)
    EXPECT_EQ(approximate_size(longer[i]), approximate_size(shorter[i]) + 1'000)
        << i << ": " << encode(shorter[i]);
}

TEST(EventSize, CountsEachValue) {
  const auto size = [](Value value) {
    return approximate_size(TaskReady{.call = one("", std::move(value))});
  };
  const auto base = approximate_size(TaskReady{});
  EXPECT_EQ(base, sizeof(Event));
  EXPECT_EQ(approximate_size(Claimed{}), sizeof(Event));
  for (const auto& value : std::vector<Value>{{}, 1, 0.5, true, "", List{}, Struct{}, Template{}})
    EXPECT_EQ(size(value), base + sizeof(Value));
  EXPECT_EQ(size(List{1, 2, 3}), base + 4 * sizeof(Value));
  EXPECT_EQ(size(one("", one("", 1))), base + 3 * sizeof(Value));
  EXPECT_EQ(size(Artifact{}), base + sizeof(Artifact));
  EXPECT_GT(size(template_of("")), base + sizeof(Value));
}

}  // namespace
}  // namespace sluice::engine
