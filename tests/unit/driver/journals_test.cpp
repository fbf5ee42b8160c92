// Every journal of tests/journals, as an earlier release stored it: it can be read, ends with the same
// result, and can be resumed after each of its events.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "places.hpp"
#include "result_assertions.hpp"
#include "sluice/driver/live_run.hpp"
#include "sluice/ir/plan.hpp"

namespace sluice::test {
namespace {

namespace fs = std::filesystem;
using engine::Event;
using Journal = std::vector<std::string>;

/// One journal, for reading.
class OneJournal final : public ports::Journal {
 public:
  explicit OneJournal(const std::vector<std::string>& events) : events_(events) {}
  Result<void> append(const std::vector<ports::Append>&, ports::Durability) override {
    return Fail(internal_error(Code::internal, "this journal is only read"));
  }
  [[nodiscard]] Result<std::uint64_t> length(const RunId&) const override { return events_.size(); }
  [[nodiscard]] Result<std::vector<std::string>> read(const RunId&, std::uint64_t from,
                                                      std::size_t limit) const override {
    const auto first =
        events_.begin() + static_cast<std::ptrdiff_t>(std::min<std::uint64_t>(from, events_.size()));
    const auto left = static_cast<std::size_t>(events_.end() - first);
    return std::vector(first, first + static_cast<std::ptrdiff_t>(std::min(left, limit)));
  }

 private:
  const std::vector<std::string>& events_;
};

fs::path folder() { return source("tests/journals"); }

/// "v1/branch.jsonl", …
std::vector<std::string> names() {
  std::vector<std::string> found;
  for (const auto& entry : fs::recursive_directory_iterator(folder()))
    if (entry.path().extension() == ".jsonl") found.push_back(fs::relative(entry.path(), folder()).string());
  std::ranges::sort(found);
  return found;
}

Journal journal_of(const std::string& name) {
  Journal events;
  std::ifstream file(folder() / name);
  for (std::string line; std::getline(file, line);) events.push_back(line);
  return events;
}

Event event_of(const std::string& text) { return value_of(engine::decode(text)); }

std::unique_ptr<driver::LiveRun> replayed(const Journal& journal) {
  static const ir::Signatures none;  // services are used only for new decisions
  return value_of(driver::replay({"of this journal"}, OneJournal(journal), none));
}

/// What a journal leaves to do, derived from its events alone: what the engine's open commands must be.
struct Open {
  std::set<std::string> look_ups;         ///< paths of tasks
  std::set<std::string> admissions;       ///< paths of tasks that are not looked up
  std::map<std::string, Fence> attempts;  ///< by path
  std::set<std::string> cancelled;        ///< paths whose attempt is to end early
  std::map<std::string, Time> retries;    ///< when, by path

  void take(const Event& event) {
    if (const auto* ready = std::get_if<engine::TaskReady>(&event)) {
      (ready->cacheable ? look_ups : admissions).insert(ready->path);
    } else if (const auto* hit = std::get_if<engine::CacheHit>(&event)) {
      look_ups.erase(hit->path);
    } else if (const auto* scheduled = std::get_if<engine::Scheduled>(&event)) {
      look_ups.erase(scheduled->path);
      admissions.erase(scheduled->path);
      retries.erase(scheduled->path);
      attempts.emplace(scheduled->path, scheduled->fence);
    } else if (const auto* ended = std::get_if<engine::AttemptEnded>(&event)) {
      attempts.erase(ended->path);
      cancelled.erase(ended->path);
    } else if (const auto* retry = std::get_if<engine::RetryAt>(&event)) {
      retries.emplace(retry->path, retry->due);
    } else if (const auto* late = std::get_if<engine::TimedOut>(&event)) {
      cancelled.insert(late->path);
    } else if (const auto* stopping = std::get_if<engine::Stopping>(&event)) {
      if (attempts.contains(stopping->path)) cancelled.insert(stopping->path);
    } else if (const auto* over = std::get_if<engine::Ended>(&event)) {
      look_ups.erase(over->path);
      admissions.erase(over->path);
      retries.erase(over->path);
    }
  }
};

void expect_open(const engine::Run& run, const Open& open) {
  auto left = open;
  for (const auto& command : run.open_commands()) {
    if (const auto* look_up = std::get_if<engine::LookUp>(&command)) {
      EXPECT_EQ(left.look_ups.erase(look_up->path), 1U) << look_up->path;
    } else if (const auto* start = std::get_if<engine::StartAttempt>(&command)) {
      EXPECT_EQ(open.attempts.at(start->path), start->fence) << start->path;
      EXPECT_EQ(left.attempts.erase(start->path), 1U) << start->path;
      EXPECT_TRUE(!start->work.argv.empty() || !start->work.service.empty()) << start->path;
    } else if (const auto* cancel = std::get_if<engine::CancelAttempt>(&command)) {
      const auto path = std::ranges::find_if(
          open.attempts, [&](const auto& attempt) { return attempt.second == cancel->fence; });
      ASSERT_NE(path, open.attempts.end());
      EXPECT_EQ(left.cancelled.erase(path->first), 1U) << path->first;
    } else if (const auto* timer = std::get_if<engine::SetTimer>(&command)) {
      EXPECT_TRUE(open.attempts.contains(timer->path)) << timer->path;
    } else if (const auto* admit = std::get_if<engine::Admit>(&command)) {
      if (left.admissions.erase(admit->path) == 1) continue;
      EXPECT_EQ(open.retries.at(admit->path), admit->not_before) << admit->path;
      EXPECT_EQ(left.retries.erase(admit->path), 1U) << admit->path;
    }
  }
  const auto count = left.look_ups.size() + left.admissions.size() + left.attempts.size() +
                     left.cancelled.size() + left.retries.size();
  EXPECT_EQ(count, 0U) << "not every open command was found";
}

class StoredJournal : public testing::TestWithParam<std::string> {
 protected:
  const Journal journal_ = journal_of(GetParam());
};

/// A version that is added later is printed differently: then this holds for the journals of its folder only.
TEST_P(StoredJournal, IsPrintedAgainWithTheSameBytes) {
  for (const auto& text : journal_) EXPECT_EQ(engine::encode(event_of(text)), text);
  const auto created = std::get<engine::RunCreated>(event_of(journal_.at(0)));
  const auto plan = value_of(ir::read_plan(created.plan));
  EXPECT_EQ(ir::print_plan(*plan), created.plan);
  EXPECT_EQ(ir::plan_digest(*plan), created.plan_digest);
}

TEST_P(StoredJournal, EndsAsItEnded) {
  const auto run = replayed(journal_);
  ASSERT_TRUE(run->run.ended());
  EXPECT_EQ(engine::encode(*run->run.result()), journal_.back());
  EXPECT_EQ(run->row.status, engine::name(run->run.result()->status));
  EXPECT_TRUE(run->run.open_commands().empty());
  EXPECT_EQ(run->row, value_of(driver::project(journal_)));
  EXPECT_TRUE(run->cache.empty()) << "its results are in the cache already";
  std::size_t bytes = 0;
  for (const auto& event : journal_) bytes += event.size();
  EXPECT_EQ(run->bytes, bytes);
}

TEST_P(StoredJournal, CanBeResumedAfterEachEvent) {
  Open open;
  for (std::size_t length = 1; length < journal_.size(); ++length) {
    SCOPED_TRACE("after " + std::to_string(length) + " events, the last of them " + journal_[length - 1]);
    open.take(event_of(journal_[length - 1]));
    const auto run = replayed({journal_.begin(), journal_.begin() + static_cast<std::ptrdiff_t>(length)});
    EXPECT_FALSE(run->run.ended());
    expect_open(run->run, open);
  }
}

INSTANTIATE_TEST_SUITE_P(All, StoredJournal, testing::ValuesIn(names()), [](const auto& info) {
  auto name = fs::path(info.param).replace_extension().string();
  std::ranges::replace(name, '/', '_');
  return name;
});

TEST(StoredJournals, HaveEveryKindOfEvent) {
  std::set<std::size_t> kinds;
  for (const auto& name : names())
    for (const auto& text : journal_of(name)) kinds.insert(event_of(text).index());
  constexpr std::size_t newer = 1;  // Claimed
  EXPECT_EQ(kinds.size(), std::variant_size_v<Event> - newer);
}

}  // namespace
}  // namespace sluice::test
