#include "sluice/driver/slots.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::driver {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

constexpr std::int64_t one = 1'000;  // processor

SlotRequest request(const std::string& run, const std::string& path, ir::Resources resources = {.cpu = one},
                    const std::string& pool = "") {
  return {.run = {run}, .path = path, .number = 1, .resources = resources, .pool = pool, .key = std::nullopt};
}

/// The tasks that start now, in order.
std::vector<std::string> granted(Slots& slots) {
  std::vector<std::string> out;
  while (const auto grant = slots.grant()) out.push_back(grant->request.run.text + "/" + grant->request.path);
  return out;
}

/// What the task waits for; "" if it does not wait.
std::string wait_of(const Slots& slots, const std::string& path) {
  for (const auto& [waiting, what] : slots.waiting({"r"}, 100))
    if (waiting == path) return what;
  return "";
}

TEST(Slots, AreGrantedAtOnceWhileTheyAreFree) {
  Slots slots({.cpu = 2 * one});
  EXPECT_TRUE(slots.request(request("r", "a")));
  EXPECT_TRUE(slots.request(request("r", "b")));
  EXPECT_FALSE(slots.request(request("r", "c")));
  EXPECT_EQ(wait_of(slots, "c"), "cpu");
  EXPECT_EQ(wait_of(slots, "b"), "");
  slots.release({"r"}, "a", 1);
  EXPECT_EQ(wait_of(slots, "c"), "its turn");
  EXPECT_THAT(granted(slots), ElementsAre("r/c"));
}

TEST(Slots, APathWaitsOnceAndCanBeWithdrawn) {
  Slots slots({.cpu = one});
  slots.request(request("r", "a"));
  for (const auto* path : {"b", "b", "c"}) EXPECT_FALSE(slots.request(request("r", path)));
  EXPECT_THAT(slots.waiting({"r"}, 10), ElementsAre(Pair("b", "cpu"), Pair("c", "cpu")));
  EXPECT_THAT(slots.waiting({"r"}, 1), ElementsAre(Pair("b", "cpu")));
  slots.withdraw({"r"}, "b");
  slots.release({"r"}, "a", 1);
  EXPECT_THAT(granted(slots), ElementsAre("r/c"));
}

TEST(Slots, FractionsAndNothingAreEnoughForSomeTasks) {
  Slots slots({.cpu = one});
  EXPECT_TRUE(slots.request(request("r", "a", {.cpu = 500})));
  EXPECT_TRUE(slots.request(request("r", "b", {.cpu = 500})));
  EXPECT_TRUE(slots.request(request("r", "waits only", {.cpu = 0})));
  EXPECT_FALSE(slots.request(request("r", "c", {.cpu = 1})));
}

TEST(Slots, RunsTakeTurns) {
  Slots slots({.cpu = one});
  slots.request(request("busy", "0"));
  for (int i = 1; i < 5; ++i) slots.request(request("busy", std::to_string(i)));
  slots.request(request("other", "a"));
  slots.request(request("other", "b"));
  std::vector<std::string> order;
  slots.release({"busy"}, "0", 1);
  while (const auto grant = slots.grant()) {
    order.push_back(grant->request.run.text);
    slots.release(grant->request.run, grant->request.path, 1);
  }
  EXPECT_THAT(order, ElementsAre("busy", "other", "busy", "other", "busy", "busy"));
}

TEST(Slots, ATaskThatDoesNotFitDoesNotHoldUpOthersForever) {
  Slots slots({.cpu = 2 * one});
  slots.request(request("small", "running"));
  EXPECT_FALSE(slots.request(request("large", "both", {.cpu = 2 * one})));
  // Small ones overtake it, but not without end.
  int overtaken = 0;
  for (int i = 0; i < 1'000; ++i) {
    slots.request(request("small", std::to_string(i)));
    const auto grant = slots.grant();
    if (!grant) break;
    ++overtaken;
    slots.release(grant->request.run, grant->request.path, 1);
  }
  EXPECT_GT(overtaken, 10);
  EXPECT_LT(overtaken, 200);
  EXPECT_TRUE(slots.request(request("waiting", "needs no processor", {.cpu = 0})) || slots.grant());
  slots.release({"small"}, "running", 1);
  EXPECT_EQ(granted(slots).front(), "large/both");
}

/// How many small tasks overtake one that waits, until they have to wait for it.
int overtaken(Slots& slots, const ir::Resources& small, const std::string& pool = "") {
  int count = 0;
  for (; count < 1'000; ++count) {
    slots.request(request("small", std::to_string(count), small, pool));
    const auto grant = slots.grant();
    if (!grant) break;
    slots.release(grant->request.run, grant->request.path, 1);
  }
  return count;
}

TEST(Slots, OnlyWhatNeedsTheSameHasToWait) {
  const ir::Resources cpu{.cpu = 1};
  const ir::Resources memory{.memory = 1};
  const ir::Resources gpu{.gpu = 1};
  struct Case {
    ir::Resources running;
    ir::Resources large;
    std::string pool;
    ir::Resources same;
    std::vector<ir::Resources> others;
  };
  const std::vector<Case> cases{
      {.running = cpu, .large = {.cpu = 10}, .pool = "", .same = cpu, .others = {memory, gpu, {}}},
      {.running = memory, .large = {.memory = 10}, .pool = "", .same = memory, .others = {cpu, gpu, {}}},
      {.running = gpu, .large = {.gpu = 2}, .pool = "", .same = gpu, .others = {cpu, memory, {}}},
  };
  for (const auto& [running, large, pool, same, others] : cases) {
    Slots slots({.cpu = 10, .memory = 10, .gpu = 2});
    EXPECT_TRUE(slots.request(request("r", "running", running)));
    EXPECT_FALSE(slots.request(request("r", "large", large)));
    EXPECT_EQ(overtaken(slots, same), 65);
    for (const auto& other : others) {
      slots.request(request("other", "task", other));
      const auto grant = slots.grant();
      ASSERT_TRUE(grant);
      EXPECT_EQ(grant->request.path, "task");
      slots.release({"other"}, "task", 1);
    }
    slots.release({"r"}, "running", 1);
    EXPECT_EQ(granted(slots).front(), "r/large");
  }
}

TEST(Slots, TheNextTaskWithTheSameNeedIsPassedOverAsOften) {
  Slots slots({.cpu = 10});
  EXPECT_TRUE(slots.request(request("r", "running", {.cpu = 5})));
  for (const auto* path : {"large 1", "large 2"}) EXPECT_FALSE(slots.request(request("r", path, {.cpu = 6})));
  EXPECT_EQ(overtaken(slots, {.cpu = 1}), 65);
  slots.release_all({"small"});
  slots.release({"r"}, "running", 1);
  EXPECT_EQ(slots.grant()->request.path, "large 1");
  EXPECT_NEAR(overtaken(slots, {.cpu = 1}), 65, 1);
}

TEST(Slots, WhatIsNotNeededIsNotWaitedFor) {
  Slots slots({.cpu = 1, .memory = 1, .gpu = 1});
  slots.occupy(request("old", "x", {.cpu = 2, .memory = 2, .gpu = 1}), {0});  // more than there is now
  slots.pause_devices(true);
  EXPECT_TRUE(slots.request(request("r", "a", {})));
}

TEST(Slots, OfAPoolThatIsWaitedForAreNotOvertaken) {
  Slots slots({.cpu = 10, .pools = {{"p", 1}, {"q", 1}}});
  EXPECT_TRUE(slots.request(request("r", "running", {}, "p")));
  EXPECT_FALSE(slots.request(request("r", "large", {.cpu = 10}, "p")));
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(slots.grant());
  slots.request(request("r", "in p", {}, "p"));
  slots.request(request("r", "in q", {}, "q"));
  slots.request(request("r", "in none", {}));
  EXPECT_THAT(granted(slots), ElementsAre("r/in q", "r/in none"));
  slots.release({"r"}, "running", 1);
  EXPECT_THAT(granted(slots), ElementsAre("r/large"));
  slots.release({"r"}, "large", 1);
  EXPECT_THAT(granted(slots), ElementsAre("r/in p"));
}

TEST(Slots, MemoryIsLimited) {
  Slots slots({.memory = 10});
  EXPECT_TRUE(slots.request(request("r", "a", {.memory = 4})));
  EXPECT_TRUE(slots.request(request("r", "b", {.memory = 6})));
  EXPECT_FALSE(slots.request(request("r", "c", {.memory = 5})));
  EXPECT_EQ(wait_of(slots, "c"), "memory");
  slots.request(request("r", "none", {}));
  EXPECT_THAT(granted(slots), ElementsAre("r/none"));
  slots.release({"r"}, "a", 1);
  EXPECT_FALSE(slots.grant());
  slots.release({"r"}, "b", 1);
  EXPECT_THAT(granted(slots), ElementsAre("r/c"));
}

TEST(Slots, NeedsOfARunTakeTurnsToo) {
  Slots slots({.cpu = 2});
  slots.request(request("r", "running", {.cpu = 2}));
  for (const auto* path : {"one a", "one b", "one c"}) slots.request(request("r", path, {.cpu = 1}));
  for (const auto* path : {"two a", "two b"}) slots.request(request("r", path, {.cpu = 2}));
  slots.release({"r"}, "running", 1);
  std::vector<std::string> order;
  while (const auto grant = slots.grant()) {
    order.push_back(grant->request.path);
    slots.release({"r"}, grant->request.path, 1);
  }
  EXPECT_THAT(order, ElementsAre("one a", "two a", "one b", "two b", "one c"));
}

TEST(Slots, ADeviceThatIsGoneIsNotCounted) {
  Slots slots({.cpu = one, .gpu = 1});
  slots.occupy(request("old", "x", {.gpu = 2}), {-1, 1});
  EXPECT_TRUE(slots.request(request("r", "a", {.gpu = 1})));
  slots.release({"old"}, "x", 1);
  EXPECT_FALSE(slots.request(request("r", "b", {.gpu = 1})));
}

TEST(Slots, WhatIsReleasedOrWithdrawnTwiceCountsOnce) {
  Slots slots({.cpu = one, .pools = {{"p", 1}}});
  slots.request(request("r", "a", {.cpu = one}, "p"));
  slots.occupy(request("r", "a", {.cpu = one}, "p"), {});  // it has them already
  slots.release({"r"}, "no", 1);
  slots.release({"no"}, "a", 1);
  slots.renew({"r"}, "no", 2);
  slots.renew({"no"}, "a", 2);
  slots.withdraw({"r"}, "no");
  slots.withdraw({"no"}, "a");
  EXPECT_FALSE(slots.request(request("r", "b", {.cpu = one}, "p")));
  for (int i = 0; i < 2; ++i) slots.release({"r"}, "a", 1);
  EXPECT_THAT(granted(slots), ElementsAre("r/b"));
  EXPECT_FALSE(slots.request(request("r", "c")));
  EXPECT_TRUE(slots.waiting({"no"}, 1).empty());
}

TEST(Slots, DevicesAreNeverShared) {
  Slots slots({.cpu = 8 * one, .gpu = 2});
  const auto a = slots.request(request("r", "a", {.gpu = 1}));
  const auto b = slots.request(request("r", "b", {.gpu = 1}));
  ASSERT_TRUE(a && b);
  EXPECT_THAT(a->gpus, ElementsAre(0));
  EXPECT_THAT(b->gpus, ElementsAre(1));
  EXPECT_FALSE(slots.request(request("r", "c", {.gpu = 1})));
  slots.release({"r"}, "a", 1);
  const auto c = slots.grant();
  ASSERT_TRUE(c);
  EXPECT_THAT(c->gpus, ElementsAre(0));
}

TEST(Slots, DevicesThatWereGrantedBeforeARestartAreKept) {
  Slots slots({.cpu = 8 * one, .gpu = 2});
  slots.pause_devices(true);
  EXPECT_FALSE(slots.request(request("new", "a", {.gpu = 1})));
  slots.occupy(request("old", "x", {.gpu = 1}), {0});
  EXPECT_FALSE(slots.grant());
  slots.pause_devices(false);
  const auto a = slots.grant();
  ASSERT_TRUE(a);
  EXPECT_THAT(a->gpus, ElementsAre(1));
}

TEST(Slots, TheNextAttemptKeepsTheSlots) {
  Slots slots({.cpu = one});
  slots.request(request("r", "a"));
  slots.request(request("r", "b"));
  slots.renew({"r"}, "a", 2);
  slots.release({"r"}, "a", 1);  // the first attempt's end is reported again
  EXPECT_FALSE(slots.grant());
  slots.release({"r"}, "a", 2);
  EXPECT_THAT(granted(slots), ElementsAre("r/b"));
}

TEST(Slots, ALateRequestOfATaskThatRunsIsIgnored) {
  Slots slots({.cpu = 8 * one, .gpu = 2});
  slots.occupy(request("r", "a", {.gpu = 1}), {0});
  EXPECT_FALSE(slots.request(request("r", "a", {.gpu = 1})));
  EXPECT_FALSE(slots.grant());
  EXPECT_TRUE(slots.request(request("r", "b", {.gpu = 1})));
  EXPECT_FALSE(slots.request(request("r", "c", {.gpu = 1}))) << "device 0 is in use";
}

TEST(Slots, ARunThatEndsReleasesEverything) {
  Slots slots({.cpu = one, .gpu = 1, .pools = {{"p", 1}}});
  slots.request(request("r", "a", {.cpu = one, .gpu = 1}, "p"));
  slots.request(request("r", "b"));
  slots.release_all({"r"});
  EXPECT_FALSE(slots.grant());
  EXPECT_TRUE(slots.request(request("s", "a", {.cpu = one, .gpu = 1}, "p")));
  EXPECT_TRUE(slots.request(request("r", "a", {})));  // it is resumed
}

TEST(Slots, APoolHasItsOwnLimit) {
  Slots slots({.cpu = 8 * one, .pools = {{"downloads", 1}}});
  EXPECT_TRUE(slots.request(request("r", "a", {.cpu = 0}, "downloads")));
  EXPECT_FALSE(slots.request(request("r", "b", {.cpu = 0}, "downloads")));
  EXPECT_EQ(wait_of(slots, "b"), "pool downloads");
  slots.request(request("r", "c"));
  EXPECT_THAT(granted(slots), ElementsAre("r/c"));
}

TEST(Slots, LimitTheNumberOfTasksToo) {
  Slots slots({.tasks = 2});
  EXPECT_TRUE(slots.request(request("r", "a", {})));
  EXPECT_TRUE(slots.request(request("r", "b", {})));
  EXPECT_FALSE(slots.request(request("r", "c", {})));
  EXPECT_EQ(wait_of(slots, "c"), "task");
  slots.release({"r"}, "b", 1);
  EXPECT_THAT(granted(slots), ElementsAre("r/c"));
}

TEST(Slots, SayWhyATaskCanNeverStart) {
  const Slots slots({.cpu = 2 * one, .memory = 8'000'000'000, .gpu = 1, .pools = {{"downloads", 4}}});
  EXPECT_EQ(slots.why_never({.cpu = 2 * one, .memory = 8'000'000'000, .gpu = 1}, "downloads"), std::nullopt);
  EXPECT_EQ(*slots.why_never({.cpu = 2'500}, ""),
            "it needs 2.5 processors, and this server has 2 CPU slots; see `sluice up --slots`");
  EXPECT_EQ(*slots.why_never({.memory = 9'000'000'000}, ""),
            "it needs 9.0 GB of memory, and this server has 8.0 GB for tasks; see `sluice up --slots`");
  EXPECT_EQ(*slots.why_never({.gpu = 2}, ""),
            "it needs 2 GPUs, and this server has 1; see `sluice up --slots gpu=N`");
  EXPECT_EQ(*slots.why_never({}, "download"),
            "this server has no pool `download`; did you mean `downloads`?; `sluice up --slots download=N` "
            "creates it");
}

}  // namespace
}  // namespace sluice::driver
