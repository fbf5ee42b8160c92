// The tracked runs of the engine's runs, over a real ledger.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "result_assertions.hpp"
#include "sim/virtual_clock.hpp"
#include "sluice/domain/tracking/task_outputs.hpp"
#include "sluice/domain/tracking/task_run_follower.hpp"
#include "sluice/domain/tracking/tracking.hpp"
#include "sluice/os/files.hpp"
#include "sluice/stores/directory/directory_object_store.hpp"
#include "sluice/stores/sqlite/sqlite_artifact_paths.hpp"
#include "sluice/stores/sqlite/sqlite_ledger.hpp"
#include "sluice/stores/sqlite/sqlite_tracked_tasks.hpp"
#include "sluice/stores/sqlite/sqlite_tracking.hpp"

namespace sluice::tracking {
namespace {

using ports::TrackedStatus;
using ::testing::ElementsAre;

const Principal ann{.workspace = "default", .name = "ann"};

class TaskRunsTest : public testing::Test {
 protected:
  void SetUp() override { EXPECT_OK(experiments_.prepare(ann)); }

  static ports::TaskCaller task_of(const std::string& run, const std::string& path,
                                   std::int64_t attempt = 1) {
    return {.run = {run}, .path = path, .attempt = attempt, .fence = {run + path + std::to_string(attempt)}};
  }
  /// Appends events to a run's journal.
  void append(const std::string& run, const std::vector<engine::Event>& events,
              const std::string& status = "running") {
    ports::Append append{.run = {run},
                         .principal = ann,
                         .expected_next = test::value_of(ledger_->length({run})),
                         .events = {},
                         .row = ports::RunRow{.id = {run},
                                              .principal = ann,
                                              .name = "plans/shop.yaml",
                                              .plan = Digest::of(run),
                                              .status = status,
                                              .created = Time(Milliseconds(1000)),
                                              .ended = std::nullopt,
                                              .message = ""},
                         .cache = {}};
    for (const auto& event : events) append.events.push_back(engine::encode(event));
    if (status != "running") append.row->ended = Time(Milliseconds(5000));
    EXPECT_OK(ledger_->append({append}, ports::Durability::process));
  }
  void end_of_attempt(const std::string& run, const std::string& path, std::int64_t attempt,
                      engine::Outcome::Status status) {
    engine::AttemptEnded ended{.path = path, .number = attempt, .outcome = {}};
    ended.outcome.status = status;
    append(run, {ended});
  }
  ports::TrackedRun tracked(const std::string& id) { return test::value_of(tracking_.run("default", id)); }
  void follow(const std::string& run) {
    follower_.changed({run});
    follower_.wait();
  }
  std::string tag_of(const std::string& id, std::string_view key) {
    for (const auto& tag : tracked(id).tags)
      if (tag.key == key) return tag.value;
    return "";
  }
  std::vector<ports::TrackedTasks::Entry> entries(const std::string& run, const std::string& path) {
    return test::value_of(tasks_.at({run}, path, 100));
  }

  os::TemporaryDirectory folder_ =
      test::value_of(os::TemporaryDirectory::make(std::filesystem::temp_directory_path(), "sluice-test-"));
  sim::VirtualClock clock_;
  SeededRandom random_{1};
  std::unique_ptr<stores::SqliteLedger> ledger_ =
      test::value_of(stores::SqliteLedger::open(folder_.path() / "ledger.db"));
  stores::SqliteTracking tracking_{ledger_->file(), ports::Durability::process};
  stores::SqliteTrackedTasks tasks_{ledger_->file(), ports::Durability::process};
  stores::SqliteArtifactPaths artifacts_{ledger_->file(), ports::Durability::process};
  Experiments experiments_{tracking_, clock_, random_};
  TaskRuns runs_{
      {.tracking = tracking_, .tasks = tasks_, .runs = *ledger_, .clock = clock_, .random = random_}};
  std::unique_ptr<stores::DirectoryObjectStore> objects_ = test::value_of(
      stores::DirectoryObjectStore::open(folder_.path() / "objects", folder_.path() / "copies", clock_));
  ArtifactFiles files_{artifacts_, *objects_, clock_};
  TaskRunFollower::Ports ports_{
      .tracking = tracking_, .tasks = tasks_, .journal = *ledger_, .task_runs = runs_, .artifacts = files_};
  TaskRunFollower follower_{ports_, nullptr};
};

TEST_F(TaskRunsTest, BeginWithTheFirstThingThatIsLogged) {
  append("r1", {});
  const auto task = task_of("r1", "train");
  const auto before = test::value_of(runs_.of_task(ann, task));
  EXPECT_EQ(before.id, task.fence.text);
  EXPECT_FALSE(tracking_.run("default", before.id));
  EXPECT_FALSE(test::value_of(tasks_.any()));

  for (int i = 0; i < 2; ++i) EXPECT_OK(runs_.begin(ann, task));
  const auto begun = tracked(before.id);
  EXPECT_EQ(begun.artifact_uri, before.artifact_uri);
  EXPECT_EQ(begun.name, "train");
  EXPECT_EQ(test::value_of(tracking_.experiment("default", begun.experiment)).name, "shop");
  EXPECT_EQ(tag_of(begun.id, parent_tag), "r1");
  EXPECT_EQ(tag_of("r1", engine_run_tag), "r1");
  EXPECT_EQ(test::value_of(tasks_.place_of("default", begun.id)),
            (ports::TaskPlace{.run = {"r1"}, .path = "train", .attempt = 1}));
  EXPECT_EQ(test::value_of(tasks_.place_of("elsewhere", begun.id)), std::nullopt);
}

TEST_F(TaskRunsTest, OwnIsWhatTheAttemptBegan) {
  append("r1", {});
  const auto task = task_of("r1", "train");
  auto run = test::value_of(experiments_.new_run(ann, {.experiment = 0}));
  const auto below = test::value_of(runs_.begin_below(ann, task, run));
  EXPECT_TRUE(test::value_of(runs_.is_own(ann, task, task.fence.text)));
  EXPECT_TRUE(test::value_of(runs_.is_own(ann, task, below.id)));
  EXPECT_EQ(tag_of(below.id, parent_tag), task.fence.text);
  for (const auto& other : {task_of("r1", "train", 2), task_of("r1", "other"), task_of("r2", "train")})
    EXPECT_FALSE(test::value_of(runs_.is_own(ann, other, below.id)));
  EXPECT_FALSE(test::value_of(runs_.is_own(ann, task, "r1")));
}

TEST_F(TaskRunsTest, KnowWhichRunsGoOn) {
  append("r1", {});
  EXPECT_TRUE(runs_.goes_on("default", {"r1"}));
  EXPECT_FALSE(runs_.goes_on("default", {"r"}));
  EXPECT_FALSE(runs_.goes_on("elsewhere", {"r1"}));
  append("r1", {}, "succeeded");
  EXPECT_FALSE(runs_.goes_on("default", {"r1"}));
  EXPECT_FALSE(runs_.begin(ann, task_of("unknown", "a")));
}

TEST_F(TaskRunsTest, RemovedExperimentsAreNotLoggedTo) {
  append("r1", {});
  const auto shop = test::value_of(experiments_.create(ann, "shop", "", {}));
  EXPECT_OK(experiments_.set_active(ann, shop.id, false));
  const auto task = task_of("r1", "a");
  runs_.choose_experiment(task, shop.id);
  EXPECT_OK(runs_.begin(ann, task));
  EXPECT_EQ(test::value_of(tracking_.experiment("default", tracked(task.fence.text).experiment)).name,
            default_experiment);
}

TEST_F(TaskRunsTest, ARunThatLogsNothingIsShownAllTheSame) {
  append("r1", {}, "failed");
  const auto shown = test::value_of(runs_.of_run(ann, {"r1"}));
  EXPECT_EQ(shown.status, TrackedStatus::failed);
  EXPECT_EQ(shown.ended_ms, 5000);
  EXPECT_FALSE(runs_.of_run(ann, {"r"}));  // no prefixes
  EXPECT_FALSE(runs_.of_run({.workspace = "elsewhere"}, {"r1"}));
}

TEST_F(TaskRunsTest, WhatHasNotEndedEndsWithItsRun) {
  append("r1", {});
  for (const auto& task :
       {task_of("r1", "a"), task_of("r1", "a", 2), task_of("r1", "killed"), task_of("r1", "own")})
    EXPECT_OK(runs_.begin(ann, task));
  EXPECT_TRUE(test::value_of(tracking_.change_run("default", task_of("r1", "own").fence.text,
                                                  {.status = TrackedStatus::failed}))
                  .empty());
  end_of_attempt("r1", "a", 1, engine::Outcome::Status::failed);
  end_of_attempt("r1", "a", 2, engine::Outcome::Status::succeeded);
  end_of_attempt("r1", "own", 1, engine::Outcome::Status::succeeded);
  follow("r1");
  EXPECT_EQ(tracked("r1").status, TrackedStatus::running);
  append("r1", {}, "succeeded");
  follow("r1");
  EXPECT_EQ(tracked("r1").status, TrackedStatus::finished);
  EXPECT_EQ(tracked("r1").ended_ms, 5000);
  EXPECT_EQ(tracked("r1a1").status, TrackedStatus::failed);
  EXPECT_EQ(tracked("r1a2").status, TrackedStatus::finished);
  EXPECT_EQ(tracked("r1killed1").status, TrackedStatus::killed);
  EXPECT_EQ(tracked("r1own1").status, TrackedStatus::failed);  // as its client said
  EXPECT_TRUE(test::value_of(tasks_.unsettled_runs(10)).empty());
}

TEST_F(TaskRunsTest, AServerThatDiedLeavesItToTheNextOne) {
  append("r1", {});
  EXPECT_OK(runs_.begin(ann, task_of("r1", "a")));
  append("r1", {}, "cancelled");  // and nobody is told
  EXPECT_THAT(test::value_of(tasks_.unsettled_runs(10)), ElementsAre(RunId{"r1"}));
  TaskRunFollower next(ports_, nullptr);
  EXPECT_OK(next.take_up());
  next.wait();
  EXPECT_EQ(tracked("r1").status, TrackedStatus::killed);
}

TEST_F(TaskRunsTest, WhatACachedTaskLoggedIsLoggedAgain) {
  append("r1", {});
  const auto failed = task_of("r1", "train");
  const auto task = task_of("r1", "train", 2);
  EXPECT_OK(runs_.begin(ann, failed));
  EXPECT_OK(runs_.begin(ann, task));
  const auto inner = test::value_of(runs_.begin_below(
      ann, task, test::value_of(experiments_.new_run(ann, {.experiment = 0, .name = "inner"}))));
  ports::TrackedRunChange change;
  for (std::int64_t step = 0; step < 1500; ++step)
    change.metrics.push_back({.key = "m", .point = {.step = step, .at_ms = step, .value = 0.5}});
  change.parameters = {{.key = "p", .value = "v"}};
  change.datasets.push_back({.name = "d",
                             .digest = "1",
                             .source_type = "s",
                             .source = "x",
                             .schema = "",
                             .profile = "",
                             .tags = {}});
  change.model_outputs = {{.model = "m-1", .step = 2}};
  EXPECT_TRUE(test::value_of(tracking_.change_run("default", task.fence.text, change)).empty());
  const auto root = tracked(task.fence.text).artifact_uri.substr(artifact_root.size());
  EXPECT_OK(
      artifacts_.put(ann, {.path = root + "/notes/a.txt", .digest = Digest::of("a"), .size = 1}, Time{}));
  end_of_attempt("r1", "train", 2, engine::Outcome::Status::succeeded);
  append("r1", {}, "succeeded");
  follow("r1");

  append("r2",
         {engine::CacheHit{
             .path = "learn", .key = Digest::of("k"), .outputs = {}, .run = {"r1"}, .made_by = "train"}});
  for (int i = 0; i < 2; ++i) follow("r2");
  const auto copies = entries("r2", "learn");
  ASSERT_EQ(copies.size(), 2U);  // the attempt that was cached, and what is below it
  const auto copy = tracked(copies[0].tracked);
  EXPECT_EQ(copy.name, "learn");
  EXPECT_EQ(copy.status, TrackedStatus::finished);
  EXPECT_EQ(copy.parameters, change.parameters);
  ASSERT_EQ(copy.metrics.size(), 1U);
  EXPECT_EQ(copy.metrics[0].point.step, 1499);
  EXPECT_EQ(test::value_of(tracking_.history("default", copy.id, "m", 0, 10'000)).size(), 1500U);
  EXPECT_EQ(copy.datasets.size(), 1U);
  EXPECT_EQ(copy.model_outputs.size(), 1U);
  EXPECT_EQ(tag_of(copy.id, parent_tag), "r2");
  EXPECT_EQ(tag_of(copy.id, task_tag), "learn");
  EXPECT_EQ(tag_of(copy.id, cached_from_tag), task.fence.text);
  const auto to = copy.artifact_uri.substr(artifact_root.size());
  EXPECT_NE(to, root);
  EXPECT_EQ(test::value_of(artifacts_.find("default", to + "/notes/a.txt"))->digest, Digest::of("a"));
  EXPECT_EQ(tag_of(copies[1].tracked, parent_tag), copy.id);
  EXPECT_EQ(tag_of(copies[1].tracked, cached_from_tag), inner.id);
  // What is logged to the original later is not in the copy, nor the other way round.
  EXPECT_TRUE(test::value_of(tracking_.change_run("default", copy.id, {.tags = {{.key = "x", .value = "y"}}}))
                  .empty());
  EXPECT_EQ(tag_of(task.fence.text, "x"), "");
}

TEST_F(TaskRunsTest, ATaskThatLoggedNothingIsNotCopied) {
  append("r1", {});
  EXPECT_OK(runs_.begin(ann, task_of("r1", "other")));
  append(
      "r2",
      {engine::CacheHit{.path = "a", .key = Digest::of("k"), .outputs = {}, .run = {"r1"}, .made_by = "a"}},
      "succeeded");
  follow("r2");
  EXPECT_FALSE(tracking_.run("default", "r2"));
}

/// What `kfp` makes of a task that logs.
Struct measured(double accuracy) {
  Struct outputs;
  const auto add = [&](const std::string& name, const std::string& kind, Struct metadata) {
    outputs.set(name, Artifact{.kind = kind,
                               .uri = "not-written:" + name,
                               .metadata = std::make_shared<const Struct>(std::move(metadata))});
  };
  Struct metrics;
  metrics.set("accuracy", accuracy);
  metrics.set("top 5 [%]", 90);
  metrics.set("of", "test");
  add("metrics", "system.Metrics", metrics);
  add("again", "system.Metrics", metrics);
  Struct matrix;
  matrix.set("confusionMatrix", Struct{});
  add("curve", "system.ClassificationMetrics", matrix);
  add("data", "system.Dataset", metrics);
  return outputs;
}

TEST_F(TaskRunsTest, OutputsThatAreMetricsAreLogged) {
  const auto task = task_of("r1", "train", 2);
  append("r1", {engine::Scheduled{.path = "train", .number = 1, .fence = task_of("r1", "train").fence},
                engine::Scheduled{.path = "train", .number = 2, .fence = task.fence}});
  auto outputs = measured(0.5);
  outputs.set("page", Artifact{.kind = "system.HTML", .digest = Digest::of("page"), .size = 4});
  outputs.set("note",
              Artifact{.kind = "system.Markdown", .form = Form::directory, .digest = Digest::of("n")});
  const engine::Ended ended{
      .path = "train", .outputs = outputs, .failure = {}, .at = Time(Milliseconds(3000))};
  EXPECT_TRUE(may_have_logged_outputs(engine::encode(ended)));
  append("r1", {ended});
  // A region has the outputs of tasks in it.
  append("r1", {engine::Ended{.path = "group", .outputs = outputs, .failure = {}}});
  for (int i = 0; i < 2; ++i) {
    follower_.made_outputs({"r1"});
    follower_.wait();
  }
  const auto run = tracked(task.fence.text);
  EXPECT_EQ(run.name, "train (2)");
  ASSERT_EQ(run.metrics.size(), 4U);
  EXPECT_EQ(run.metrics[0].key, "accuracy");
  EXPECT_EQ(run.metrics[0].point.value, 0.5);
  EXPECT_EQ(run.metrics[0].point.at_ms, 3000);
  EXPECT_EQ(run.metrics[1].key, "again/accuracy");
  EXPECT_EQ(run.metrics[2].key, "again/top 5 ___");
  EXPECT_EQ(run.metrics[3].key, "top 5 ___");
  const auto root = run.artifact_uri.substr(artifact_root.size());
  EXPECT_EQ(test::value_of(artifacts_.find("default", root + "/curve.json"))->digest,
            Digest::of(R"({"confusionMatrix":{}})"));
  EXPECT_EQ(test::value_of(artifacts_.find("default", root + "/page.html"))->digest, Digest::of("page"));
  EXPECT_FALSE(test::value_of(artifacts_.find("default", root + "/note.md")));
  EXPECT_EQ(test::value_of(tasks_.of_tasks({"r1"}, 10)).size(), 1U);
  append("r1", {engine::AttemptEnded{.path = "train", .number = 2, .outcome = {}}}, "succeeded");
  follow("r1");
  EXPECT_EQ(tracked(task.fence.text).status, TrackedStatus::finished);
  // A server that reads the journal again logs nothing twice.
  TaskRunFollower next(ports_, nullptr);
  next.made_outputs({"r1"});
  next.wait();
  EXPECT_EQ(test::value_of(tracking_.history("default", task.fence.text, "accuracy", 0, 10)).size(), 1U);
}

TEST_F(TaskRunsTest, OutputsOfACachedTaskAreLoggedToo) {
  const auto task = task_of("r1", "train");
  append("r1",
         {engine::Scheduled{.path = "train", .number = 1, .fence = task.fence},
          engine::Ended{
              .path = "train", .outputs = measured(0.5), .failure = {}, .at = Time(Milliseconds(3000))}});
  follower_.made_outputs({"r1"});
  follower_.wait();
  const engine::CacheHit hit{
      .path = "learn", .key = Digest::of("k"), .outputs = {}, .run = {"r1"}, .made_by = "train"};
  append(
      "r2",
      {hit, engine::Ended{
                .path = "learn", .outputs = measured(0.5), .failure = {}, .at = Time(Milliseconds(9000))}});
  follower_.made_outputs({"r2"});
  follower_.wait();
  const auto copies = entries("r2", "learn");
  ASSERT_EQ(copies.size(), 1U);
  EXPECT_EQ(tag_of(copies[0].tracked, cached_from_tag), task.fence.text);
  EXPECT_EQ(test::value_of(tracking_.history("default", copies[0].tracked, "accuracy", 0, 10)).size(), 1U);

  // The run that made it logged nothing that is left.
  append("r3",
         {engine::CacheHit{
              .path = "learn", .key = Digest::of("k"), .outputs = {}, .run = {"gone"}, .made_by = "train"},
          engine::Ended{
              .path = "learn", .outputs = measured(0.25), .failure = {}, .at = Time(Milliseconds(9000))}},
         "succeeded");
  follower_.made_outputs({"r3"});
  follower_.wait();
  const auto made = entries("r3", "learn");
  ASSERT_EQ(made.size(), 1U);
  EXPECT_EQ(tracked(made[0].tracked).metrics[0].point.value, 0.25);
  EXPECT_EQ(tracked(made[0].tracked).status, TrackedStatus::finished);
  EXPECT_EQ(tracked(made[0].tracked).ended_ms, 9000);
}

TEST_F(TaskRunsTest, OutputsAreLoggedBeforeTheFollowerEnds) {
  append("r1",
         {engine::Scheduled{.path = "a", .number = 1, .fence = task_of("r1", "a").fence},
          engine::Ended{.path = "a", .outputs = measured(1), .failure = {}}},
         "succeeded");
  {
    TaskRunFollower short_lived(ports_, nullptr);
    short_lived.made_outputs({"r1"});
  }
  EXPECT_EQ(tracked(task_of("r1", "a").fence.text).metrics.size(), 4U);
}

TEST_F(TaskRunsTest, OnlyEndsWithSuchOutputsAreLookedAt) {
  EXPECT_FALSE(may_have_logged_outputs(engine::encode(engine::Ended{.path = "a", .failure = {}})));
  Struct data;
  data.set("data", Artifact{.kind = "system.MetricsTable", .uri = "x"});
  EXPECT_FALSE(
      may_have_logged_outputs(engine::encode(engine::Ended{.path = "a", .outputs = data, .failure = {}})));
  EXPECT_FALSE(
      may_have_logged_outputs(engine::encode(engine::RunEnded{.outputs = measured(1), .failure = {}})));
}

}  // namespace
}  // namespace sluice::tracking
