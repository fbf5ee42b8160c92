// Tracked runs in the ledger: histories, charts, records, searches by metrics.
#include <cmath>
#include <limits>

#include "ledger_fixture.hpp"
#include "sluice/stores/sqlite/ledger_file.hpp"
#include "sluice/stores/sqlite/run_record.hpp"
#include "sluice/stores/sqlite/sqlite_artifact_paths.hpp"
#include "sluice/stores/sqlite/sqlite_tracking.hpp"

namespace sluice::stores {
namespace {

using ports::Metric;
using ports::MetricPoint;
using ports::SearchField;
using ports::TrackedRunChange;
using ::testing::ElementsAre;

const std::string workspace = "default";

class TrackingTest : public LedgerTest {
 protected:
  void SetUp() override {
    LedgerTest::SetUp();
    store_ = std::make_unique<SqliteTracking>(ledger_->file(), ports::Durability::process);
    experiment_ = test::value_of(store_->create_experiment({.name = "e", .artifact_root = "a:/"})).id;
  }
  std::string new_run(std::int64_t started = 0) {
    ports::NewTrackedRun made;
    made.run.id = "run" + std::to_string(++made_);
    made.run.experiment = experiment_;
    made.run.started_ms = started;
    EXPECT_OK(store_->create_run(made));
    return made.run.id;
  }
  void log(const std::string& run, std::vector<Metric> metrics) {
    TrackedRunChange change;
    change.metrics = std::move(metrics);
    EXPECT_TRUE(test::value_of(store_->change_run(workspace, run, change)).empty());
  }
  void log_points(const std::string& run, std::int64_t from, std::int64_t to, std::int64_t at_once) {
    for (auto begin = from; begin < to; begin += at_once) {
      std::vector<Metric> metrics;
      for (auto i = begin; i < std::min(begin + at_once, to); ++i)
        metrics.push_back(
            {.key = "m", .point = {.step = i, .at_ms = 1000 + i, .value = static_cast<double>(i)}});
      log(run, std::move(metrics));
    }
  }
  [[nodiscard]] std::vector<MetricPoint> history(const std::string& run, std::size_t offset = 0,
                                                 std::size_t limit = SIZE_MAX) const {
    return test::value_of(store_->history(workspace, run, "m", offset, limit));
  }
  [[nodiscard]] std::vector<std::int64_t> chart(const std::string& run, std::size_t limit,
                                                ports::Tracking::Steps steps = {}) const {
    std::vector<std::int64_t> out;
    for (const auto& point : test::value_of(store_->chart(workspace, run, "m", steps, limit)))
      out.push_back(point.step);
    return out;
  }
  /// The ids of what a search finds.
  [[nodiscard]] std::vector<std::string> found(const ports::Search& search) const {
    std::vector<std::string> ids;
    for (const auto& run : test::value_of(store_->runs(workspace, {experiment_}, search)))
      ids.push_back(run.id);
    return ids;
  }

  std::unique_ptr<SqliteTracking> store_;
  std::int64_t experiment_ = 0;
  int made_ = 0;
};

// Rows, a chunk, a chunk that is filled further, several chunks: whatever was logged at once.
TEST_F(TrackingTest, HistoriesAreWholeHoweverTheyWereLogged) {
  for (const std::int64_t at_once : {1, 7, 255, 256, 1000, 5000}) {
    const auto run = new_run();
    log_points(run, 0, 10'000, at_once);
    const auto points = history(run);
    ASSERT_EQ(points.size(), 10'000U) << at_once;
    for (std::size_t i = 0; i < points.size(); ++i) ASSERT_EQ(points[i].step, static_cast<std::int64_t>(i));
    EXPECT_EQ(history(run, 9'990, 100).size(), 10U);
    EXPECT_EQ(history(run, 9'990, 4).front().step, 9'990);
    EXPECT_EQ(test::value_of(store_->run(workspace, run)).metrics.front().point.step, 9'999);
  }
}

TEST_F(TrackingTest, EqualPointsCountOnce) {
  const auto run = new_run();
  for (int times = 0; times < 3; ++times) log_points(run, 0, 500, 100);
  EXPECT_EQ(history(run).size(), 500U);
  log(run,
      {{.key = "nan", .point = {.value = std::nan("")}}, {.key = "nan", .point = {.value = std::nan("")}}});
  EXPECT_EQ(test::value_of(store_->history(workspace, run, "nan", 0, 10)).size(), 1U);
}

TEST_F(TrackingTest, ChartsHaveTheFirstAndTheLastPoint) {
  const auto run = new_run();
  log_points(run, 0, 10, 1);
  EXPECT_EQ(chart(run, 320).size(), 10U);
  // As the function NTILE parts ten into four: 3, 3, 2 and 2.
  EXPECT_THAT(chart(run, 4), ElementsAre(0, 3, 6, 9));
  EXPECT_THAT(chart(run, 1), ElementsAre(9));
  EXPECT_THAT(chart(run, 100, {.first = 3, .last = 5}), ElementsAre(3, 4, 5));
}

TEST_F(TrackingTest, ChartsOfLongHistoriesLookAtSamples) {
  const auto run = new_run();
  constexpr std::int64_t points = 100'000;
  log_points(run, 0, points, 1000);
  const auto steps = chart(run, 320);
  ASSERT_EQ(steps.size(), 320U);
  EXPECT_EQ(steps.front(), 0);
  EXPECT_EQ(steps.back(), points - 1);
  for (std::size_t i = 1; i < steps.size(); ++i) EXPECT_LT(steps[i] - steps[i - 1], 3 * points / 320);
  // Of a part that is in few chunks, every point is looked at.
  EXPECT_EQ(chart(run, 2000, {.first = 50'000, .last = 50'999}).size(), 1000U);
}

// Small chunks become larger ones: a long history is in few, and none of them is written again often.
TEST_F(TrackingTest, AHistoryIsInFewChunks) {
  for (const std::int64_t at_once : {7, 64, 100, 1000}) {
    const auto run = new_run();
    log_points(run, 0, 20'000, at_once);
    const auto chunks =
        query("SELECT points FROM tracked_chunks WHERE run = (SELECT max(number) FROM tracked_runs)");
    EXPECT_LE(chunks.size(), 20'000U / 4096 + 10) << at_once;
    EXPECT_EQ(history(run).size(), 20'000U);
  }
}

TEST_F(TrackingTest, SamplesAreAsDenseAtTheEndAsAnywhere) {
  const auto run = new_run();
  constexpr std::int64_t points = 45'000;
  log_points(run, 0, points, 30);
  const auto steps = chart(run, 100'000);
  ASSERT_GT(steps.size(), 500U);
  const auto late = std::ranges::count_if(steps, [](auto step) { return step >= points - 4500; });
  EXPECT_LT(late, static_cast<std::ptrdiff_t>(steps.size() / 5));
  EXPECT_EQ(steps.back(), points - 1);
}

TEST_F(TrackingTest, RunsAreFoundByTheBeginningOfTheirId) {
  const auto first = new_run();
  const auto second = new_run();
  EXPECT_THAT(test::value_of(store_->run_ids(workspace, first, 2)), ElementsAre(first));
  EXPECT_EQ(test::value_of(store_->run_ids(workspace, "", 10)).size(), 2U);
  EXPECT_EQ(test::value_of(store_->run_ids(workspace, "", 1)).size(), 1U);
  EXPECT_TRUE(test::value_of(store_->run_ids(workspace, second + "0", 2)).empty());
  EXPECT_TRUE(test::value_of(store_->run_ids("others", first, 2)).empty());
}

TEST_F(TrackingTest, RecordsSayWhatTheRowsSay) {
  ports::TrackedRun logged;
  logged.metrics = {{.key = "a", .point = {.step = -1, .at_ms = INT64_MAX, .value = std::nan("")}},
                    {.key = "b", .point = {.value = -std::numeric_limits<double>::max()}}};
  logged.parameters = {{.key = "p", .value = std::string(300, 'x')}};
  logged.tags = {{.key = "", .value = ""}};
  logged.datasets = {{.name = "n", .digest = "d", .tags = {{.key = "k", .value = "v"}}}};
  logged.model_inputs = {{.model = "m", .step = 3}};
  const auto record = sqlite::record_of(logged);
  ports::TrackedRun read;
  ASSERT_OK(sqlite::read_record(record, read));
  EXPECT_EQ(sqlite::record_of(read), record);
  EXPECT_EQ(read.parameters, logged.parameters);
  // Cut or damaged, it is refused, and costs no more than it has bytes.
  for (std::size_t size = 0; size < record.size(); ++size) {
    ports::TrackedRun part;
    EXPECT_FALSE(sqlite::read_record(std::string_view(record).substr(0, size), part)) << size;
  }
  for (std::size_t at = 0; at < record.size(); ++at) {
    auto damaged = record;
    damaged[at] = '\xff';
    ports::TrackedRun part;
    static_cast<void>(sqlite::read_record(damaged, part));
  }
}

// Small ones from the record, large ones from the rows until they end: the same.
TEST_F(TrackingTest, LargeRunsAreReadAsSmallOnes) {
  const auto run = new_run();
  std::vector<Metric> metrics;
  for (int i = 0; i < 900; ++i)
    metrics.push_back({.key = "metric with a long name " + std::to_string(i), .point = {.value = i * 1.0}});
  log(run, metrics);
  log(run, metrics);
  TrackedRunChange change;
  change.parameters = {{.key = "p", .value = "1"}};
  change.tags = {{.key = "t", .value = "1"}, {.key = "gone", .value = "1"}};
  EXPECT_OK(store_->change_run(workspace, run, change));
  EXPECT_OK(store_->change_run(workspace, run, {.removed_tag = "gone"}));
  const auto running = test::value_of(store_->run(workspace, run));
  EXPECT_OK(store_->change_run(workspace, run, {.status = ports::TrackedStatus::finished, .ended_ms = 5}));
  const auto ended = test::value_of(store_->run(workspace, run));
  EXPECT_EQ(running.metrics.size(), 900U);
  EXPECT_EQ(sqlite::record_of(running), sqlite::record_of(ended));
  EXPECT_THAT(ended.tags, ElementsAre(ports::KeyValue{.key = "t", .value = "1"}));
}

TEST_F(TrackingTest, AConflictOfParametersChangesNothing) {
  const auto run = new_run();
  TrackedRunChange change;
  change.parameters = {{.key = "p", .value = "1"}};
  EXPECT_OK(store_->change_run(workspace, run, change));
  change.parameters = {{.key = "a", .value = "1"}, {.key = "p", .value = "2"}};
  change.metrics = {{.key = "m", .point = {}}};
  const auto conflicts = test::value_of(store_->change_run(workspace, run, change));
  ASSERT_EQ(conflicts.size(), 1U);
  EXPECT_EQ(conflicts.front().stored, "1");
  const auto kept = test::value_of(store_->run(workspace, run));
  EXPECT_EQ(kept.parameters.size(), 1U);
  EXPECT_TRUE(kept.metrics.empty());
}

TEST_F(TrackingTest, OrdersByAMetricInPages) {
  // Every third run has no value, and every fourth one that is not a number.
  for (int i = 0; i < 60; ++i) {
    const auto run = new_run(i);
    if (i % 3 == 0) continue;
    log(run,
        {{.key = "m", .point = {.value = i % 4 == 0 ? std::nan("") : static_cast<double>((i * 37) % 60)}}});
  }
  ports::Search search{.order = {{.field = SearchField::metric, .key = "m", .ascending = false},
                                 {.key = "start_time", .ascending = false},
                                 {.key = "run_id"}}};
  search.limit = 60;
  const auto all = found(search);
  ASSERT_EQ(all.size(), 60U);
  for (const std::size_t size : {1U, 7U, 25U, 59U}) {
    std::vector<std::string> paged;
    search.limit = size;
    for (search.offset = 0; search.offset < 60; search.offset += size)
      for (auto& id : found(search)) paged.push_back(std::move(id));
    EXPECT_EQ(paged, all) << size;
  }
  search.offset = 1000;
  EXPECT_TRUE(found(search).empty());
}

TEST_F(TrackingTest, OrdersByOneMetricWhatAnotherOneFilters) {
  struct Run {
    std::string id;
    int start = 0;
    std::optional<double> m = {};
    std::optional<double> n = {};
  };
  std::vector<Run> runs;
  for (int i = 0; i < 60; ++i) {
    Run run{.id = new_run(i), .start = i};
    if (i % 3 != 0) run.m = (i * 37) % 60;
    if (i % 2 == 0) run.n = i;
    if (run.m) log(run.id, {{.key = "m", .point = {.value = *run.m}}});
    if (run.n) log(run.id, {{.key = "n", .point = {.value = *run.n}}});
    runs.push_back(run);
  }
  // By m, and those without it by their start; both descending.
  std::ranges::sort(runs, std::greater(),
                    [](const Run& run) { return std::pair(run.m.value_or(-1), run.start); });
  using Comparator = ports::SearchCondition::Comparator;
  const auto condition = [](const char* key, Comparator comparator, double operand) {
    return ports::SearchCondition{
        .field = SearchField::metric, .key = key, .comparator = comparator, .operand = operand};
  };
  struct Case {
    std::vector<ports::SearchCondition> conditions;
    std::function<bool(const Run&)> fits;
  };
  for (const auto& [conditions, fits] : {
           Case{{condition("n", Comparator::greater, 20)}, [](const Run& run) { return run.n > 20.0; }},
           Case{{condition("n", Comparator::not_equal, 20)},
                [](const Run& run) { return run.n && run.n != 20.0; }},
           Case{{condition("m", Comparator::less_or_equal, 30)},
                [](const Run& run) { return run.m && run.m <= 30.0; }},
           Case{{condition("m", Comparator::not_equal, 37)},
                [](const Run& run) { return run.m && run.m != 37.0; }},
           Case{{condition("n", Comparator::less, 40), condition("n", Comparator::greater_or_equal, 10)},
                [](const Run& run) { return run.n < 40.0 && run.n >= 10.0; }},
           Case{{condition("n", Comparator::equal, 22), condition("m", Comparator::greater, 5)},
                [](const Run& run) { return run.n == 22.0 && run.m > 5.0; }},
       }) {
    std::vector<std::string> expected;
    for (const auto& run : runs)
      if (fits(run)) expected.push_back(run.id);
    ports::Search search{.conditions = conditions,
                         .order = {{.field = SearchField::metric, .key = "m", .ascending = false},
                                   {.key = "start_time", .ascending = false}}};
    EXPECT_EQ(found(search), expected);
    std::vector<std::string> paged;
    search.limit = 1;  // so small that both ways of searching are gone
    for (search.offset = 0; search.offset < 60; ++search.offset)
      for (auto& id : found(search)) paged.push_back(std::move(id));
    EXPECT_EQ(paged, expected);
  }
}

TEST_F(TrackingTest, EverySearchOfRunsUsesAnIndex) {
  for (const std::string sql :
       {"SELECT number FROM tracked_runs r WHERE r.experiment IN (1) AND r.active = 1 ORDER BY r.started_ms "
        "DESC, r.id "
        "ASC LIMIT 9",
        "SELECT number FROM tracked_metrics o0 CROSS JOIN tracked_runs r ON r.number = o0.run WHERE o0.key = "
        "'m' AND "
        "o0.experiment IN (1) AND r.active = 1 ORDER BY o0.value DESC NULLS LAST LIMIT 9",
        "SELECT number FROM tracked_metrics w CROSS JOIN tracked_runs r ON r.number = w.run WHERE w.key = "
        "'m' "
        "AND w.experiment IN (1) AND r.active = 1 AND w.value > 3",
        "SELECT record FROM tracked_runs LEFT JOIN tracked_records ON run = number WHERE number = 3",
        "SELECT step FROM tracked_points WHERE run = 1 AND key = 'm' ORDER BY number",
        "SELECT sample FROM tracked_chunks WHERE run = 1 AND key = 'm' AND step_max >= 1 AND step_min <= 5 "
        "ORDER BY "
        "first",
        "SELECT path FROM artifacts WHERE workspace = 'w' AND path > 'a' AND path < 'b' ORDER BY path LIMIT "
        "1"})
    for (const auto& step : query("EXPLAIN QUERY PLAN " + sql)) {
      EXPECT_THAT(step, testing::HasSubstr("SEARCH")) << sql;
      EXPECT_THAT(step, testing::Not(testing::HasSubstr("TEMP B-TREE"))) << sql;
    }
}

TEST_F(TrackingTest, WhatOfOtherWorkspacesIsNotFound) {
  const auto run = new_run();
  EXPECT_EQ(store_->run("others", run).error().code, Code::not_found);
  EXPECT_EQ(store_->experiment("others", experiment_).error().code, Code::not_found);
  EXPECT_EQ(store_->change_run("others", run, {}).error().code, Code::not_found);
  EXPECT_TRUE(test::value_of(store_->runs("others", {experiment_}, {})).empty());
}

TEST_F(TrackingTest, FoldersOfArtifactsAreListedInPages) {
  SqliteArtifactPaths paths(ledger_->file(), ports::Durability::process);
  const auto put = [&](const std::string& path) {
    EXPECT_OK(paths.put({}, {.path = path, .digest = Digest::of(path), .size = 1}, {}));
  };
  for (const auto* path : {"r/a/x", "r/a/y/z", "r/a.txt", "r/a0", "r/b", "r/\xc3\xbc/n", "s/a"}) put(path);
  for (int i = 0; i < 50; ++i) put("r/a/many/" + std::to_string(i));
  std::vector<std::string> names;
  for (std::string after;;) {
    const auto page = test::value_of(paths.list(workspace, "r", after, 2));
    for (const auto& entry : page) names.push_back(entry.name + (entry.is_folder ? "/" : ""));
    if (page.size() < 2) break;
    after = names.back();
  }
  EXPECT_THAT(names, ElementsAre("a.txt", "a/", "a0", "b", "\xc3\xbc/"));
  EXPECT_EQ(test::value_of(paths.list(workspace, "", "", 10)).size(), 2U);
  EXPECT_EQ(test::value_of(paths.remove(workspace, "r/a")), 52);
  EXPECT_TRUE(test::value_of(paths.find(workspace, "r/a.txt")));
}

}  // namespace
}  // namespace sluice::stores
