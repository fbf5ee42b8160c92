#include "sluice/domain/serving/hosts.hpp"

#include <atomic>
#include <future>

#include <gmock/gmock.h>

#include "places.hpp"
#include "result_assertions.hpp"
#include "scratch.hpp"
#include "sluice/runtimes/hosted/hosted_runtime.hpp"
#include "sluice/stores/directory/directory_object_store.hpp"
#include "waiting.hpp"

namespace sluice::serving {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// A clock that the test can advance.
struct MovedClock final : Clock {
  [[nodiscard]] Time now() const override { return system.now(); }
  [[nodiscard]] std::chrono::nanoseconds steady() const override { return system.steady() + ahead.load(); }
  SystemClock system;
  std::atomic<std::chrono::nanoseconds> ahead{std::chrono::nanoseconds{0}};
};

/// Real hosts over a real object store.
class HostsTest : public ::testing::Test {
 protected:
  HostsTest()
      : objects_(std::move(*stores::DirectoryObjectStore::open(scratch_.path / "objects",
                                                               scratch_.path / "cache", clock_))) {}

  /// A base whose folder contains a file of that name.
  Artifact base(const std::string& name = "plain") {
    scratch_.file("base-" + name + "/" + name, "");
    return stored(scratch_.path / ("base-" + name));
  }
  /// A base that does not load until the test calls `open_gate`.
  Artifact gated_base() {
    scratch_.file("base-gate/gate", (scratch_.path / "open").string());
    return stored(scratch_.path / "base-gate");
  }
  void open_gate() { scratch_.file("open", ""); }
  Artifact head(const std::string& classes) {
    scratch_.file("head-" + classes + "/model.json", R"({"classes": [")" + classes + "\"]}");
    return stored(scratch_.path / ("head-" + classes));
  }
  Artifact stored(const std::filesystem::path& folder) {
    const auto stored = test::value_of(objects_->put_directory(folder));
    return {.kind = "model", .form = Form::directory, .digest = stored.digest, .size = stored.size};
  }
  std::unique_ptr<Hosts> hosts(Milliseconds idle = std::chrono::minutes(1), std::size_t heads_max = 64) {
    return std::make_unique<Hosts>(
        runtime_, *objects_, clock_,
        Hosts::Options{.cache = scratch_.path / "cache", .idle = idle, .heads_max = heads_max});
  }
  static Value predict_params(const Artifact& head, std::int64_t size) {
    Struct params;
    params.set("head", head.digest->hex());
    params.set("sizes", List{size});
    return params;
  }

  MovedClock clock_;
  Scratch scratch_;
  std::unique_ptr<stores::DirectoryObjectStore> objects_;
  runtimes::HostedRuntime runtime_{test::scripted_host()};
};

TEST_F(HostsTest, OneHostServesAllWhoNeedTheSameBase) {
  auto all = hosts();
  const auto needed = base();
  EXPECT_EQ(all->status(*needed.digest).state, Hosts::State::cold);
  auto first = all->acquire_and_wait({.base = needed}, {});
  ASSERT_OK(first);
  auto second = all->acquire_and_wait({.base = needed, .head = head("cat")}, {});
  ASSERT_OK(second);
  EXPECT_EQ(first->pid(), second->pid());
  auto other = all->acquire_and_wait({.base = base("other")}, {});
  ASSERT_TRUE(other);
  EXPECT_NE(first->pid(), other->pid());
  const auto status = all->status(*needed.digest, head("cat").digest);
  EXPECT_EQ(status.state, Hosts::State::warm);
  EXPECT_EQ(status.pid, first->pid());
  EXPECT_EQ(status.leases, 2U);
  EXPECT_EQ(all->status(*needed.digest, head("dog").digest).state, Hosts::State::cold);
  EXPECT_TRUE(
      std::filesystem::is_directory(scratch_.path / "cache/compiled" / (needed.digest->hex() + "-openvino")));
}

TEST_F(HostsTest, ConcurrentCallersWaitForTheSameStart) {
  auto all = hosts();
  const auto needed = gated_base();
  std::vector<std::future<int>> pids;
  for (int i = 0; i < 16; ++i) {
    auto got = std::make_shared<std::promise<int>>();
    pids.push_back(got->get_future());
    all->acquire({.base = needed, .head = i % 2 ? std::optional(head("cat")) : std::nullopt},
                 [got](Result<HostLease> lease) { got->set_value(lease ? lease->pid() : -1); });
  }
  EXPECT_EQ(all->status(*needed.digest).state, Hosts::State::loading);
  open_gate();
  const int first = pids.front().get();
  EXPECT_GT(first, 0);
  for (std::size_t i = 1; i < pids.size(); ++i) EXPECT_EQ(pids[i].get(), first);
}

TEST_F(HostsTest, CallsWaitForTheirReply) {
  auto all = hosts();
  const auto cat = head("cat");
  auto host = all->acquire_and_wait({.base = base(), .head = cat}, {});
  ASSERT_TRUE(host);
  const auto reply = call_and_wait(*host, "predict", predict_params(cat, 3), "cat", {});
  ASSERT_OK(reply);
  EXPECT_EQ(reply->result.find("predictions")->if_list()->at(0).text_at("label"), "cat");
  const auto unknown = call_and_wait(*host, "fly", Struct{}, "", {});
  EXPECT_EQ(unknown.error().message, "no method `fly`");
}

TEST_F(HostsTest, WaitingCanBeCancelled) {
  auto all = hosts();
  const auto cat = head("cat");
  std::stop_source stop;
  auto host = all->acquire_and_wait({.base = base(), .head = cat}, stop.get_token());
  ASSERT_TRUE(host);
  const std::string wait = "wait " + (scratch_.path / "go").string();
  std::thread impatient([&] { stop.request_stop(); });
  const auto reply = call_and_wait(
      *host, "predict", predict_params(cat, static_cast<std::int64_t>(wait.size())), wait, stop.get_token());
  impatient.join();
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Code::cancelled);
  EXPECT_EQ(reply.error().message, "predict was cancelled");
  const auto late = all->acquire_and_wait({.base = gated_base()}, stop.get_token());
  EXPECT_EQ(late.error().message, "waiting for a host was cancelled");
}

TEST_F(HostsTest, StopWhenIdleAndStartAgain) {
  constexpr std::chrono::hours idle{1};
  auto all = hosts(idle);
  const auto needed = base();
  const auto use = [&](const Artifact& any) { EXPECT_TRUE(all->acquire_and_wait({.base = any}, {})); };
  const auto cold = [&](const Artifact& any) { return all->status(*any.digest).state == Hosts::State::cold; };
  int pid = 0;
  {
    auto host = all->acquire_and_wait({.base = needed}, {});
    ASSERT_TRUE(host);
    pid = host->pid();
    const auto other = base("other");
    use(other);
    clock_.ahead = 2 * idle;
    use(base("third"));  // makes the worker sweep all hosts
    test::wait_until([&] { return cold(other); });
    EXPECT_FALSE(host->died()) << "a lease keeps it";
    EXPECT_EQ(all->status(*needed.digest).state, Hosts::State::warm);
  }
  clock_.ahead = 4 * idle;
  use(base("fourth"));
  test::wait_until([&] { return cold(needed); });
  test::wait_until([&] { return ::kill(pid, 0) != 0; });
  auto again = all->acquire_and_wait({.base = needed}, {});
  ASSERT_TRUE(again);
  EXPECT_NE(again->pid(), pid);
}

TEST_F(HostsTest, ADeadHostFailsItsCallsAndIsReplaced) {
  auto all = hosts();
  const auto cat = head("cat");
  const auto needed = base();
  auto host = all->acquire_and_wait({.base = needed, .head = cat}, {});
  ASSERT_TRUE(host);
  const auto reply = call_and_wait(*host, "predict", predict_params(cat, 3), "die", {});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Code::unavailable);
  EXPECT_TRUE(host->died());
  auto next = all->acquire_and_wait({.base = needed, .head = cat}, {});
  ASSERT_OK(next);
  EXPECT_NE(next->pid(), host->pid());
  EXPECT_TRUE(call_and_wait(*next, "predict", predict_params(cat, 3), "cat", {}));
}

TEST_F(HostsTest, WorkSurvivesOneHostDeath) {
  auto all = hosts();
  int tries = 0;
  std::string label;
  const auto look_at = [&](const std::string& picture) {
    tries = 0;
    const auto look = [&](HostLease& host) -> Result<void> {
      ++tries;
      Struct params;
      params.set("picture", picture);
      SLUICE_TRY(reply, call_and_wait(host, "look", std::move(params), {}, {}));
      label = reply.result.text_at("label");
      return {};
    };
    return work_on_host(*all, {.base = base()}, "looking", look, {});
  };
  ASSERT_OK(look_at("die once " + (scratch_.path / "died").string()));
  EXPECT_EQ(label, "cat");
  EXPECT_EQ(tries, 2);

  const auto given_up = look_at("die");
  ASSERT_FALSE(given_up);
  EXPECT_EQ(given_up.error().code, Code::unavailable);
  EXPECT_THAT(given_up.error().message,
              HasSubstr("died twice during `looking`; check whether memory ran out"));
  EXPECT_THAT(given_up.error().notes, ElementsAre(HasSubstr("exit status 9")));
  EXPECT_EQ(tries, 2);

  EXPECT_TRUE(look_at("cat"));
  EXPECT_EQ(tries, 1);
}

TEST_F(HostsTest, OnlyAHostDeathIsRetried) {
  auto all = hosts();
  int tries = 0;
  const auto fly = [&](HostLease& host) -> Result<void> {
    ++tries;
    SLUICE_DO(call_and_wait(host, "fly", Struct{}, {}, {}));
    return {};
  };
  EXPECT_EQ(work_on_host(*all, {.base = base()}, "flying", fly, {}).error().message, "no method `fly`");
  EXPECT_EQ(tries, 1);
  EXPECT_THAT(work_on_host(*all, {.base = base("die")}, "flying", fly, {}).error().message,
              HasSubstr("died twice during `flying`"))
      << "a host that dies while it loads is retried too";
  EXPECT_EQ(tries, 1);
}

TEST_F(HostsTest, AHeadIsTriedInAHostOfItsOwn) {
  auto all = hosts();
  const auto needed = base();
  auto served = all->acquire_and_wait({.base = needed, .head = head("cat")}, {});
  ASSERT_OK(served);
  const HostNeed once{.base = needed, .head = head("die if again " + (scratch_.path / "tried").string())};
  EXPECT_OK(all->try_head(once, {}));
  EXPECT_OK(all->try_head(once, {})) << "it is not tried again";
  const auto refused = all->try_head({.base = needed, .head = head("die")}, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::failed_precondition);
  EXPECT_EQ(refused.error().message,
            "the head ends the model host that predicts with it, twice; it must not be served");
  EXPECT_THAT(refused.error().notes, ElementsAre(HasSubstr("exit status 9")));
  EXPECT_OK(
      all->try_head({.base = needed, .head = head("die once " + (scratch_.path / "died").string())}, {}))
      << "a host may die of something else";
  EXPECT_FALSE(served->died());
}

TEST_F(HostsTest, AHostHasFoldersOfItsOwn) {
  auto all = hosts();
  const auto needed = base();
  scratch_.file("cache/hosts/left/over", "by a server that died");
  all = nullptr;
  all = hosts();
  EXPECT_FALSE(std::filesystem::exists(scratch_.path / "cache/hosts/left"));
  ASSERT_OK(all->acquire_and_wait({.base = needed}, {}));
  EXPECT_TRUE(std::filesystem::is_empty(scratch_.path / "cache/hosts"))
      << "it is gone once the base is loaded";
}

TEST_F(HostsTest, AFailureToLoadHasAMessage) {
  auto all = hosts();
  const auto refused = all->acquire_and_wait({.base = base("refuse")}, {});
  EXPECT_EQ(refused.error().message, "base: this base refuses to load");
  const auto died = all->acquire_and_wait({.base = base("die")}, {});
  ASSERT_FALSE(died);
  EXPECT_EQ(died.error().code, Code::unavailable);
  scratch_.file("empty/nothing", "");
  const auto no_head = all->acquire_and_wait({.base = base(), .head = stored(scratch_.path / "empty")}, {});
  ASSERT_FALSE(no_head);
  EXPECT_THAT(no_head.error().message, HasSubstr("model.json"));
  EXPECT_TRUE(all->acquire_and_wait({.base = base()}, {}));
  const Artifact nowhere{.kind = "model", .form = Form::directory, .digest = Digest::of("nothing")};
  EXPECT_FALSE(all->acquire_and_wait({.base = nowhere}, {}));
}

TEST_F(HostsTest, TheLeastRecentlyUsedHeadIsEvictedFirst) {
  auto all = hosts(std::chrono::minutes(1), 2);
  const auto needed = base();
  const auto get = [&](const std::string& name) {
    return all->acquire_and_wait({.base = needed, .head = head(name)}, {});
  };
  const auto state = [&](const std::string& name) {
    return all->status(*needed.digest, head(name).digest).state;
  };
  ASSERT_TRUE(get("one"));
  auto two = get("two");
  ASSERT_TRUE(two);
  ASSERT_TRUE(get("one"));
  ASSERT_TRUE(get("three"));
  EXPECT_EQ(state("one"), Hosts::State::cold);
  EXPECT_EQ(state("two"), Hosts::State::warm);
  EXPECT_EQ(state("three"), Hosts::State::warm);
  EXPECT_TRUE(get("one"));
  EXPECT_TRUE(call_and_wait(*two, "predict", predict_params(head("two"), 3), "two", {}));
}

TEST_F(HostsTest, StoppingThemFailsOpenCalls) {
  auto all = hosts();
  const auto cat = head("cat");
  const std::string wait = "wait " + (scratch_.path / "never").string();
  std::promise<Error> open;
  all->acquire({.base = base(), .head = cat}, [&](Result<HostLease> lease) {
    auto held = std::make_shared<HostLease>(std::move(*lease));
    held->call("predict", predict_params(cat, static_cast<std::int64_t>(wait.size())), wait,
               [&open, held](Result<ports::HostResponse> reply) {
                 open.set_value(reply ? Error{} : reply.error());
               });
  });
  std::promise<Error> loading;
  test::wait_until([&] { return all->status(*base().digest).leases > 0; });
  all->acquire({.base = gated_base()},
               [&](Result<HostLease> lease) { loading.set_value(lease ? Error{} : lease.error()); });
  all.reset();
  EXPECT_EQ(open.get_future().get().code, Code::unavailable);
  EXPECT_EQ(loading.get_future().get().message, "the server is stopping");
}

}  // namespace
}  // namespace sluice::serving
