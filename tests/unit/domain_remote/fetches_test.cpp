#include "sluice/domain/remote/fetches.hpp"

#include <latch>

#include <gtest/gtest.h>

#include "one_folder.hpp"

namespace sluice::remote {
namespace {

/// Waits until the fetch has ended.
Result<RemoteFiles::Fetched> end_of(Fetches::Fetch& fetch) {
  while (true) {
    const auto state = fetch.state();
    if (state.result) return *state.result;
    std::latch changed(1);
    fetch.notify_when_changed(state.changes, [&] { changed.count_down(); });
    changed.wait();
  }
}

TEST(Fetches, EndWithAnArtifactOrAnError) {
  OneFolder one;
  auto files = one.files({"https://example.org"});
  one.elsewhere.answers["https://example.org/a"] = sends("bytes");
  Fetches fetches(files, one.clock, {});
  const auto fetch = fetches.begin({.workspace = "default", .url = "https://example.org/a", .kind = "table"});
  ASSERT_OK(fetch);
  const auto fetched = end_of(**fetch);
  ASSERT_OK(fetched);
  EXPECT_EQ(fetched->artifact.kind, "table");
  EXPECT_TRUE(one.objects->has(*fetched->artifact.digest));
  EXPECT_EQ(end_of(**fetches.begin({.workspace = "default", .url = "https://example.org/b"})).error().code,
            Code::not_found);
  EXPECT_EQ(fetches.begin({.workspace = "default", .url = "https://example.com/b"}).error().code,
            Code::permission_denied);
}

TEST(Fetches, AreLimitedInNumberAndEndWhenTheyAreCancelled) {
  OneFolder one;
  auto files = one.files({"https://example.org"});
  std::latch begun(1);
  one.elsewhere.answers["https://example.org/slow"] = [&](const auto& request) -> Result<ports::Response> {
    std::latch stopped(1);
    const std::stop_callback wake(request.stop, [&] { stopped.count_down(); });
    begun.count_down();
    stopped.wait();
    return Fail(user_error(Code::cancelled, "cancelled"));
  };
  Fetches fetches(files, one.clock, {.running_max = 1, .waiting_max = 1});
  const RemoteFiles::Source slow{.workspace = "default", .url = "https://example.org/slow"};
  const auto running = *fetches.begin(slow);
  begun.wait();
  const auto waiting = *fetches.begin(slow);
  EXPECT_EQ(fetches.begin(slow).error().message, "too many files are waiting to be fetched; retry shortly");
  waiting->cancel();
  const auto instead = fetches.begin({.workspace = "default", .url = "https://example.org/none"});
  ASSERT_OK(instead) << "one that is cancelled does not wait any more";
  running->cancel();
  EXPECT_EQ(end_of(*running).error().code, Code::cancelled);
  EXPECT_EQ(end_of(**instead).error().code, Code::not_found);
}

TEST(Fetches, AreCancelledByTheirEnd) {
  OneFolder one;
  auto files = one.files({"https://example.org"});
  std::shared_ptr<Fetches::Fetch> fetch;
  {
    Fetches fetches(files, one.clock, {});
    std::latch begun(1);
    one.elsewhere.answers["https://example.org/slow"] = [&](const auto& request) -> Result<ports::Response> {
      std::latch stopped(1);
      const std::stop_callback wake(request.stop, [&] { stopped.count_down(); });
      begun.count_down();
      stopped.wait();
      return Fail(user_error(Code::cancelled, "cancelled"));
    };
    fetch = *fetches.begin({.workspace = "default", .url = "https://example.org/slow"});
    begun.wait();
  }
  EXPECT_EQ(end_of(*fetch).error().code, Code::cancelled);
}

}  // namespace
}  // namespace sluice::remote
