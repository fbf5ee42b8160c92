#include "sluice/domain/storage/storage.hpp"
#include "sluice/stores/git/git_model_registry.hpp"
#include "sluice/stores/sqlite/ledger_file.hpp"
#include "sluice/stores/sqlite/sqlite_artifact_paths.hpp"
#include "sluice/stores/sqlite/sqlite_logged_models.hpp"
#include "sluice/stores/sqlite/sqlite_pipelines.hpp"
#include "sluice/stores/sqlite/sqlite_run_groups.hpp"
#include "sluice/stores/sqlite/sqlite_traces.hpp"
#include "sluice/stores/sqlite/sqlite_tracking.hpp"
#include "storage_fixture.hpp"

namespace sluice::storage {

using std::chrono::hours;
using std::chrono::minutes;
using testing::Contains;
using testing::Field;

TEST_F(StorageTest, WhatNothingNeedsGoesAfterAnHour) {
  const auto uploaded = folder("uploaded");
  later(minutes(59));
  EXPECT_TRUE(swept().removed.empty());
  later(minutes(2));
  EXPECT_EQ(swept().removed.at("objects").things, 3) << "two folders and a file";
  EXPECT_FALSE(is_there(*uploaded.digest));
}

TEST_F(StorageTest, FilesOfClientsStayAsLongAsTheyHaveAPath) {
  stores::SqliteArtifactPaths paths(ledger_->file(), ports::Durability::process);
  const auto file = put("an artifact");
  ASSERT_OK(paths.put({}, {.path = "0/run/artifacts/a.txt", .digest = file, .size = 11}, clock_.now()));
  later(hours(1000));
  EXPECT_TRUE(swept().removed.empty());
  EXPECT_TRUE(is_there(file));
  ASSERT_EQ(test::value_of(paths.remove("default", "0/run")), 1);
  EXPECT_EQ(swept().removed.at("objects").things, 1);
  EXPECT_FALSE(is_there(file));
}

TEST_F(StorageTest, PlansStayAsLongAsTheyHaveANameOrARunInAGroup) {
  stores::SqlitePipelines pipelines(ledger_->file());
  const auto named = put("a plan with a name");
  ports::PipelineVersion version{.id = "v", .pipeline = "p", .principal = {}, .name = "first"};
  version.text = named;
  ports::NamedPipeline pipeline{.id = "p", .principal = {}, .name = "a pipeline"};
  ASSERT_OK(pipelines.add_pipeline(pipeline, &version));
  const auto made = folder("made");
  add_run("r1", made);
  const auto of_run = put("the plan of a run");
  ports::GroupedRun run{.id = "r1", .run = {"r1"}, .principal = {}, .group = "g", .display_name = "a run"};
  run.text = of_run;
  ports::Append append{.run = {"r1"},
                       .principal = {},
                       .expected_next = test::value_of(ledger_->length({"r1"})),
                       .events = {},
                       .row = std::nullopt,
                       .cache = {}};
  append.group = std::make_shared<const ports::GroupStep>(run);
  ASSERT_OK(ledger_->append({append}, ports::Durability::process));
  later(hours(1000));
  EXPECT_TRUE(swept().removed.empty());
  const auto policy = Policy{.keep_runs = hours(24), .keep_last = 0, .cache_bytes = {}};
  const auto would = swept(policy, true);
  EXPECT_THAT(would.goes, Contains(Field(&SweptThing::name, of_run.hex())));
  EXPECT_EQ(swept(policy).removed.at("objects").things, 4) << "what the run made, and its plan";
  EXPECT_FALSE(is_there(of_run));
  EXPECT_FALSE(test::value_of(stores::SqliteRunGroups(ledger_->file()).run("default", "r1")));
  EXPECT_TRUE(is_there(named));
  ASSERT_TRUE(test::value_of(pipelines.remove_version("default", "v")));
  EXPECT_EQ(swept().removed.at("objects").things, 1);
  EXPECT_FALSE(is_there(named));
}

TEST_F(StorageTest, ADryRunRemovesNothingAndSaysWhy) {
  const auto kept = folder("kept");
  add_run("r1", kept);
  const auto garbage = put("garbage");
  later(hours(3));
  const auto report = swept({}, true);
  EXPECT_TRUE(is_there(garbage));
  EXPECT_THAT(report.goes, Contains(Field(&SweptThing::name, garbage.hex())));
  EXPECT_THAT(report.stays,
              Contains(testing::AllOf(Field(&SweptThing::kind, "objects"), Field(&SweptThing::why, "run r1"),
                                      Field(&SweptThing::things, 3))));
  const auto why = [&](const Digest& digest) {
    return test::value_of(sweep(stores(), {.policy = {}, .dry_run = true, .explain = digest})).explained;
  };
  EXPECT_EQ(why(*kept.digest), "stays: run r1");
  EXPECT_EQ(why(garbage), "goes: nothing needs it");
  EXPECT_EQ(why(Digest::of("never stored")), "is not in the store");
}

TEST_F(StorageTest, RunsGoByAgeAndNumberWithTheirObjectsJournalsAndLogs) {
  const auto old = folder("old");
  const auto young = folder("young");
  add_run("r1", old);
  fs::create_directories(root_->path() / "logs" / "r1");
  ASSERT_OK(os::write_file(root_->path() / "logs" / "r1" / "make.1.log", "text"));
  later(hours(50));
  add_run("r2", young);
  later(hours(2));
  EXPECT_TRUE(swept().removed.empty()) << "without a policy, runs stay";
  EXPECT_TRUE(swept({.keep_runs = hours(24), .keep_last = 2, .cache_bytes = {}}).removed.empty());
  const auto report = swept({.keep_runs = hours(24), .keep_last = 1, .cache_bytes = {}});
  EXPECT_EQ(report.removed.at("runs").things, 1);
  EXPECT_EQ(report.removed.at("logs").things, 1);
  EXPECT_EQ(report.removed.at("objects").things, 3);
  EXPECT_FALSE(is_there(*old.digest));
  EXPECT_TRUE(is_whole(young));
  EXPECT_FALSE(os::exists(root_->path() / "logs" / "r1"));
  EXPECT_EQ(test::value_of(ledger_->length({"r1"})), 0U);
  EXPECT_EQ(test::value_of(ledger_->length({"r2"})), 3U);
}

TEST_F(StorageTest, RunsThatHaveNotEndedStay) {
  const auto output = folder("output");
  add_run("r1", output, false);
  later(hours(1000));
  EXPECT_TRUE(swept({.keep_runs = hours(1), .keep_last = 0, .cache_bytes = 0}).removed.empty());
  EXPECT_TRUE(is_whole(output));
}

// A task stores what it makes before its end is in the journal, maybe long before.
TEST_F(StorageTest, WhatATaskThatRunsMayHaveMadeStays) {
  add_run("r1", folder("input"), false);
  ASSERT_OK(
      ledger_->append({{.run = {"r1"},
                        .principal = {},
                        .expected_next = 2,
                        .events = {engine::encode(engine::Scheduled{
                            .path = "learn", .fence = {"f"}, .key = {}, .gpus = {}, .at = clock_.now()})},
                        .row = {},
                        .cache = {}}},
                      ports::Durability::process));
  later(minutes(1));
  const auto made = folder("made by the task");
  later(hours(100));
  EXPECT_TRUE(swept().removed.empty());
  ASSERT_OK(ledger_->append(
      {{.run = {"r1"},
        .principal = {},
        .expected_next = 3,
        .events = {engine::encode(engine::AttemptEnded{.path = "learn", .number = 1, .outcome = {}})},
        .row = {},
        .cache = {}}},
      ports::Durability::process));
  EXPECT_EQ(swept().removed.at("objects").things, 3) << "it has ended, and does not name what it made";
  EXPECT_FALSE(is_there(*made.digest));
}

TEST_F(StorageTest, WhatAClientWasToldIsThereStaysForAnHourMore) {
  const auto told = put("told");
  const auto sent_again = put("sent again");
  const auto part_of_it = folder("part");
  later(hours(5));
  EXPECT_TRUE(objects_->has(told));
  EXPECT_EQ(put("sent again"), sent_again);
  EXPECT_TRUE(objects_->has(*part_of_it.digest));
  later(minutes(50));
  EXPECT_TRUE(swept().removed.empty());
  EXPECT_TRUE(is_whole(part_of_it)) << "all that it consists of was promised too";
  later(minutes(20));
  EXPECT_EQ(swept().removed.at("objects").things, 5);
}

// Somebody is told in the middle of a sweep, and names it in a run afterwards.
TEST_F(StorageTest, WhatIsToldDuringASweepStays) {
  const auto told = folder("told");
  const auto missing = put("nobody asks");
  later(hours(5));
  auto sweeping = test::value_of(objects_->begin_sweep(clock_.now() - hours(1)));
  EXPECT_TRUE(objects_->has(*told.digest));
  std::vector<Digest> condemned{*told.digest, missing};
  std::ranges::sort(condemned);
  EXPECT_FALSE(sweeping->condemn(condemned)) << "told meanwhile: what it consists of must be kept first";
  EXPECT_THAT(sweeping->take_renewed(), testing::ElementsAre(*told.digest));
  ASSERT_TRUE(sweeping->condemn(condemned));
  EXPECT_FALSE(objects_->has(missing)) << "it is still there, but about to go";
  EXPECT_FALSE(test::value_of(sweeping->remove(*told.digest)));
  EXPECT_EQ(put("nobody asks"), missing);
  EXPECT_TRUE(objects_->has(missing));
  EXPECT_FALSE(test::value_of(sweeping->remove(missing))) << "it was stored again";
  EXPECT_TRUE(is_there(missing));
}

TEST_F(StorageTest, OneSweepAtATime) {
  const auto sweeping = test::value_of(objects_->begin_sweep(clock_.now()));
  const auto second = objects_->begin_sweep(clock_.now());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::failed_precondition);
}

TEST_F(StorageTest, CachedResultsGoByLastUse) {
  const auto first = folder("first, which is used again");
  const auto second = folder("second");
  add_run("r1", first, true, true);
  later(hours(2));
  add_run("r2", second, true, true);
  later(hours(2));
  ASSERT_OK(ledger_->append({{.run = {"r3"},
                              .principal = {},
                              .expected_next = 0,
                              .events = {},
                              .row = {},
                              .cache = {},
                              .used = {{.key = Digest::of("r1"), .at = clock_.now()}}}},
                            ports::Durability::process));
  later(hours(2));
  // The runs go; each result is some hundred bytes, and its row as many.
  const auto report = swept({.keep_runs = {}, .keep_last = 0, .cache_bytes = 600});
  EXPECT_EQ(report.removed.at("cached results").things, 1);
  EXPECT_TRUE(is_whole(first));
  EXPECT_FALSE(is_there(*second.digest));
  EXPECT_TRUE(test::value_of(ledger_->cached("default", Digest::of("r1"))));
  EXPECT_FALSE(test::value_of(ledger_->cached("default", Digest::of("r2"))));
}

TEST_F(StorageTest, CopiesGoByLastUse) {
  const auto used = folder("used");
  const auto unused = folder("unused");
  add_run("r1", used);
  add_run("r2", unused);
  const auto used_copy = test::value_of(objects_->materialize(used));
  const auto unused_copy = test::value_of(objects_->materialize(unused));
  later(hours(2));
  const auto old = fs::last_write_time(unused_copy.parent_path()) - hours(9);
  fs::last_write_time(unused_copy.parent_path(), old);
  const auto room = test::value_of(stores::room_of(used_copy.parent_path())).bytes;
  const auto report = swept({.keep_runs = {}, .keep_last = {}, .cache_bytes = room + 1});
  EXPECT_EQ(report.removed.at("copies of objects").things, 1);
  EXPECT_TRUE(os::exists(used_copy));
  EXPECT_FALSE(os::exists(unused_copy));
  EXPECT_EQ(test::value_of(objects_->materialize(unused)), unused_copy) << "it is made again";
}

TEST_F(StorageTest, DamagedObjectsGoWithTheCache) {
  const auto digest = put("right");
  const auto path = objects_->path_of(digest);
  fs::permissions(path, fs::perms::owner_write, fs::perm_options::add);
  ASSERT_OK(os::write_file(path, "wrong"));
  EXPECT_FALSE(objects_->get(digest, 100));
  const auto damaged = root_->path() / "objects" / "damaged" / digest.hex();
  ASSERT_TRUE(os::exists(damaged));
  later(hours(2));
  EXPECT_EQ(swept({.keep_runs = {}, .keep_last = {}, .cache_bytes = 100}).removed.count("damaged objects"),
            0);
  EXPECT_EQ(swept({.keep_runs = {}, .keep_last = {}, .cache_bytes = 0}).removed.at("damaged objects").things,
            1);
  EXPECT_FALSE(os::exists(damaged));
}

TEST_F(StorageTest, AVersionKeepsItsContentAndWhatItsProvenanceNames) {
  const auto learned_from = folder("pictures");
  const auto content = root_->path() / "content";
  fs::create_directories(content);
  const std::string network(200'000, 'n');
  ASSERT_OK(os::write_file(content / "head.onnx", network));
  ASSERT_OK(os::write_file(content / "provenance.json",
                           R"({"reapiDirectorySha256": ")" + learned_from.digest->hex() + "\"}"));
  ASSERT_OK(models_->add_version({.model = "stamps", .principal = {}, .content = content}));
  const auto version = test::value_of(models_->resolve("default", "stamps", ""));
  const auto as_artifact = test::value_of(models_->as_artifact("default", version));
  const auto garbage = put("garbage");
  later(hours(5));
  EXPECT_EQ(swept({.keep_runs = {}, .keep_last = 0, .cache_bytes = 0}).removed.at("objects").things, 1);
  EXPECT_FALSE(is_there(garbage));
  EXPECT_TRUE(is_there(Digest::of(network)));
  EXPECT_TRUE(is_whole(learned_from));
  EXPECT_TRUE(is_whole(as_artifact)) << "hosts materialize it";
}

TEST_F(StorageTest, APlanIsStoredOnceAndGoesWithTheLastRunThatHasIt) {
  add_run("r1", folder("1"));
  add_run("r2", folder("2"));
  for (const auto* run : {"r1", "r2"}) {
    const auto created = test::value_of(engine::decode(test::value_of(ledger_->read({run}, 0, 1)).at(0)));
    EXPECT_EQ(std::get<engine::RunCreated>(created).plan, plan);
  }
  later(hours(2));
  EXPECT_EQ(swept({.keep_runs = {}, .keep_last = 1, .cache_bytes = {}}).removed.at("runs").things, 1);
  EXPECT_EQ(test::value_of(ledger_->read({"r2"})).size(), 3U);
  EXPECT_EQ(swept({.keep_runs = {}, .keep_last = 0, .cache_bytes = {}}).removed.at("runs").things, 1);
  add_run("r3", folder("3"));
  EXPECT_EQ(test::value_of(ledger_->read({"r3"})).size(), 3U);
}

TEST_F(StorageTest, AQuotaHoldsFromTheStart) {
  Quota quota({.bytes = 1'000, .reserve = 0}, [] { return Result<std::uint64_t>(0); });
  const Storage storage(
      {.stores = stores(),
       .areas = {{.name = "objects", .measure = [] { return ports::Room{.things = 1, .bytes = 999}; }}},
       .free_bytes = [] { return Result<std::uint64_t>(0); },
       .quota = quota},
      std::nullopt);
  EXPECT_OK(quota.admit(1));
  EXPECT_FALSE(quota.admit(1));
}

TEST_F(StorageTest, OnlyTheCacheGoesIfOnlyTheCacheIsSwept) {
  const auto garbage = put("garbage");
  const auto result = folder("result");
  add_run("r1", result, true, true);
  later(hours(3));
  // A result of which nothing but the cache knows: its run is gone.
  const auto cached = folder("cached");
  add_run("r0", cached, true, true);
  ASSERT_TRUE(test::value_of(ledger_->remove_runs({{"r0"}})));
  ASSERT_OK(ledger_->finish_removal());
  SweepOptions only_cache{.policy = {.keep_runs = {}, .keep_last = {}, .cache_bytes = 1'000'000},
                          .only_cache = true,
                          .explain = {}};
  EXPECT_TRUE(test::value_of(sweep(stores(), only_cache)).removed.empty());
  EXPECT_TRUE(is_there(garbage));
  EXPECT_TRUE(is_whole(cached));
  only_cache.policy.cache_bytes = 0;
  later(hours(3));
  const auto removed = test::value_of(sweep(stores(), only_cache)).removed;
  EXPECT_EQ(removed.at("cached results").things, 2);
  EXPECT_EQ(removed.at("objects").things, 3) << "two folders and a file";
  EXPECT_FALSE(is_there(*cached.digest));
  EXPECT_TRUE(is_there(garbage));
  EXPECT_TRUE(is_there(*result.digest)) << "its run stays";
}

// Whatever the step at which it is interrupted.
TEST_F(StorageTest, ASweepOfTheCacheRemovesWhatAnInterruptedOneLeft) {
  const auto garbage = put("garbage");
  const SweepOptions only_cache{
      .policy = {.keep_runs = {}, .keep_last = {}, .cache_bytes = 0}, .only_cache = true, .explain = {}};
  for (int steps = 0;; ++steps) {
    const auto cached = folder("cached");
    const auto id = "r" + std::to_string(steps);
    add_run(id, cached, true, true);
    ASSERT_TRUE(test::value_of(ledger_->remove_runs({{id}})));
    later(hours(3));
    auto interrupted = stores();
    interrupted.proceed = [left = steps]() mutable -> Result<void> {
      return left-- > 0 ? Result<void>() : Fail(environment_error(Code::cancelled, "ended"));
    };
    const bool whole = sweep(interrupted, only_cache).has_value();
    ASSERT_OK(sweep(stores(), only_cache));
    EXPECT_FALSE(test::value_of(ledger_->cached("default", Digest::of(id))));
    EXPECT_FALSE(is_there(*cached.digest)) << steps;
    EXPECT_FALSE(is_there(Digest::of("cached"))) << steps;
    EXPECT_TRUE(is_there(garbage));
    EXPECT_FALSE(os::exists(root_->path() / "objects" / "let-go")) << "it is forgotten after a sweep";
    if (!whole) continue;
    EXPECT_EQ(steps, 4) << "the removal of an entry, and of three objects";
    break;
  }
}

/// What clients track, in the same ledger.
class TrackedTest : public StorageTest {
 protected:
  void SetUp() override {
    StorageTest::SetUp();
    using Durability = ports::Durability;
    runs_ = std::make_unique<stores::SqliteTracking>(ledger_->file(), Durability::process);
    logged_ = std::make_unique<stores::SqliteLoggedModels>(ledger_->file(), Durability::process);
    traces_ = std::make_unique<stores::SqliteTraces>(ledger_->file(), Durability::process);
    paths_ = std::make_unique<stores::SqliteArtifactPaths>(ledger_->file(), Durability::process);
    for (const auto* name : {"Default", "removed", "newest"}) add_experiment(name);
  }
  void add_experiment(const std::string& name) const {
    ASSERT_OK(runs_->create_experiment({.principal = {},
                                        .name = name,
                                        .artifact_location = "",
                                        .artifact_root = std::string(ports::artifact_root),
                                        .tags = {{.key = "k", .value = "v"}},
                                        .at = clock_.now()}));
  }
  /// A run with something of everything, and with a file.
  Digest add_tracked(const std::string& id, std::int64_t experiment) const {
    const auto folder = std::to_string(experiment) + "/" + id + "/artifacts";
    ports::NewTrackedRun made;
    made.run.id = id;
    made.run.experiment = experiment;
    made.run.artifact_uri = std::string(ports::artifact_root) + folder;
    made.run.parameters = {{.key = "p", .value = "1"}};
    made.run.tags = {{.key = "t", .value = "1"}};
    EXPECT_OK(runs_->create_run(made));
    std::vector<ports::Metric> points;
    for (int step = 0; step < 3'000; ++step)
      points.push_back({.key = "loss", .point = {.step = step, .at_ms = step, .value = 1.0 / (step + 1)}});
    ports::DatasetInput dataset;
    dataset.name = "data";
    EXPECT_OK(runs_->change_run(
        "default", id, {.metrics = points, .datasets = {dataset}, .model_outputs = {{.model = "m-" + id}}}));
    return add_file(folder + "/file of " + id);
  }
  Digest add_file(const std::string& path) const {
    const auto digest = put(path);
    EXPECT_OK(paths_->put({}, {.path = path, .digest = digest, .size = 1}, clock_.now()));
    return digest;
  }
  Digest add_logged(const std::string& id, std::int64_t experiment) const {
    const auto folder = std::to_string(experiment) + "/models/" + id + "/artifacts";
    ports::LoggedModel model;
    model.id = id;
    model.experiment = experiment;
    model.artifact_location = std::string(ports::artifact_root) + folder;
    model.tags = {{.key = "t", .value = "1"}};
    EXPECT_OK(logged_->create_model({}, model));
    ports::LoggedModelMetric metric;
    metric.metric.key = "loss";
    EXPECT_OK(logged_->add_metrics(id, {metric}));
    return add_file(folder + "/model");
  }
  Digest add_trace(const std::string& id, std::int64_t experiment) const {
    const auto folder = std::to_string(experiment) + "/traces/" + id + "/artifacts";
    ports::Trace trace;
    trace.id = id;
    trace.experiment = experiment;
    trace.tags = {{.key = "mlflow.artifactLocation", .value = std::string(ports::artifact_root) + folder}};
    EXPECT_OK(traces_->put_trace({}, trace));
    return add_file(folder + "/attachment");
  }
  /// How many rows there are of everything.
  [[nodiscard]] std::int64_t rows() const {
    return test::value_of(
        ledger_->file()->read([](stores::sqlite::Connection& connection) -> Result<std::int64_t> {
          std::string sql = "SELECT 0";
          for (const auto* table :
               {"experiments", "experiment_tags", "tracked_runs", "tracked_records", "tracked_parameters",
                "tracked_tags", "tracked_metrics", "tracked_points", "tracked_chunks", "tracked_datasets",
                "tracked_model_uses", "logged_models", "logged_model_tags", "logged_model_metrics", "traces",
                "trace_tags", "artifacts"})
            sql += std::string(" + (SELECT count(*) FROM ") + table + ")";
          SLUICE_TRY(select, connection.prepare_once(sql));
          SLUICE_DO(select.step());
          return select.integer(0);
        }));
  }
  [[nodiscard]] static Policy keeps_removed(Milliseconds time) {
    return {.keep_runs = {}, .keep_last = {}, .keep_removed = time, .cache_bytes = {}};
  }

  std::unique_ptr<stores::SqliteTracking> runs_;
  std::unique_ptr<stores::SqliteLoggedModels> logged_;
  std::unique_ptr<stores::SqliteTraces> traces_;
  std::unique_ptr<stores::SqliteArtifactPaths> paths_;
};

TEST_F(TrackedTest, RemovedRunsGoForGoodWithTheirFiles) {
  const auto before = rows();
  const auto file = add_tracked("r1", 0);
  const auto kept_file = add_tracked("r10", 0);
  ASSERT_OK(runs_->set_active("default", "r1", false, clock_.now()));
  later(hours(5));
  EXPECT_TRUE(swept().removed.empty()) << "without a policy, it can be restored";
  EXPECT_TRUE(swept(keeps_removed(hours(6))).removed.empty());
  const auto dry = swept(keeps_removed(hours(4)), true);
  EXPECT_THAT(dry.goes, Contains(Field(&SweptThing::name, "r1")));
  EXPECT_THAT(dry.goes, Contains(Field(&SweptThing::name, file.hex())));
  EXPECT_TRUE(is_there(file));
  const auto report = swept(keeps_removed(hours(4)));
  EXPECT_EQ(report.removed.at("tracked runs").things, 1);
  EXPECT_EQ(report.removed.at("objects").things, 1);
  EXPECT_FALSE(is_there(file));
  EXPECT_TRUE(is_there(kept_file));
  EXPECT_EQ(test::error_of(runs_->run("default", "r1")).code, Code::not_found);
  EXPECT_EQ(test::value_of(runs_->history("default", "r10", "loss", 0, 10'000)).size(), 3'000U);
  ASSERT_OK(runs_->set_active("default", "r10", false, clock_.now()));
  later(hours(5));
  EXPECT_EQ(swept(keeps_removed(hours(4))).removed.at("tracked runs").things, 1);
  EXPECT_EQ(rows(), before) << "nothing of them is left";
}

TEST_F(TrackedTest, ARunThatIsRestoredStays) {
  const auto file = add_tracked("r1", 0);
  ASSERT_OK(runs_->set_active("default", "r1", false, clock_.now()));
  std::vector<ports::LedgerStorage::RemovedRecord> removed;
  ASSERT_OK(ledger_->each_removed([&](const auto& record) -> Result<void> {
    removed.push_back(record);
    return {};
  }));
  ASSERT_EQ(removed.size(), 1U);
  ASSERT_OK(runs_->set_active("default", "r1", true, clock_.now()));
  ASSERT_OK(ledger_->erase(removed, clock_.now())) << "between the choice and the removal it was restored";
  ASSERT_OK(runs_->run("default", "r1"));
  later(hours(5));
  EXPECT_TRUE(swept(keeps_removed(hours(0))).removed.empty());
  EXPECT_TRUE(is_there(file));
}

TEST_F(TrackedTest, ARemovedExperimentGoesWithAllThatIsInIt) {
  add_trace("tr-0", 0);
  const auto before = rows();
  const std::vector<Digest> files{add_tracked("r1", 1), add_logged("m-1", 1), add_trace("tr-1", 1)};
  ASSERT_OK(runs_->change_experiment("default", 1, {.active = false, .at = clock_.now()}));
  later(hours(5));
  const auto removed = swept(keeps_removed(hours(4))).removed;
  EXPECT_EQ(removed.at("experiments").things, 1);
  EXPECT_EQ(removed.at("tracked runs").things, 1);
  EXPECT_EQ(removed.at("objects").things, 3);
  for (const auto& file : files) EXPECT_FALSE(is_there(file));
  EXPECT_EQ(rows(), before - 2) << "nor is its own row, or its tag";
  EXPECT_EQ(test::error_of(traces_->trace("default", "tr-1")).code, Code::not_found);
  ASSERT_OK(traces_->trace("default", "tr-0"));
  add_experiment("later");
  EXPECT_EQ(test::value_of(runs_->experiment_named("default", "later"))->id, 3);
}

TEST_F(TrackedTest, AnExperimentStaysWithWhatStaysInIt) {
  add_tracked("r1", 1);
  add_tracked("r2", 1);
  for (const auto id : {0, 1, 2})
    ASSERT_OK(runs_->change_experiment("default", id, {.active = false, .at = clock_.now()}));
  ASSERT_OK(runs_->set_active("default", "r1", true, clock_.now()));
  later(hours(5));
  const auto why = [](const SweepReport& report, const std::string& name) -> std::string {
    for (const auto& thing : report.stays)
      if (thing.kind == "experiments" && thing.name == name) return thing.why;
    return "it goes";
  };
  const auto first = swept(keeps_removed(hours(4)));
  EXPECT_EQ(first.removed.at("tracked runs").things, 1);
  EXPECT_EQ(why(first, "removed"), "a run of it is not removed");
  EXPECT_EQ(why(first, "Default"), "clients expect an experiment 0");
  EXPECT_EQ(why(first, "newest"), "it is the newest, and its number must not be used again");
  ASSERT_OK(runs_->set_active("default", "r1", false, clock_.now()));
  later(hours(1));
  EXPECT_EQ(why(swept(keeps_removed(hours(4))), "removed"), "what was removed of it later stays");
  later(hours(4));
  EXPECT_EQ(swept(keeps_removed(hours(4))).removed.at("experiments").things, 1);
}

TEST_F(TrackedTest, RemovedLoggedModelsGoToo) {
  const auto file = add_logged("m-1", 0);
  ASSERT_OK(logged_->change_model("default", "m-1", {.active = false, .at = clock_.now()}));
  later(hours(5));
  EXPECT_EQ(swept(keeps_removed(hours(4))).removed.at("logged models").things, 1);
  EXPECT_FALSE(is_there(file));
}

// Whatever was left when an erasure of an experiment was interrupted.
TEST_F(TrackedTest, WhatAnInterruptedErasureLeftGoesWithTheNextSweep) {
  const std::vector<Digest> files{add_logged("m-1", 1), add_trace("tr-1", 1)};
  ASSERT_OK(ledger_->file()->write(ports::Durability::process, [](stores::sqlite::Connection& connection) {
    return connection.execute(
        "DELETE FROM experiment_tags WHERE experiment = 1; DELETE FROM experiments WHERE id = 1");
  }));
  later(hours(5));
  EXPECT_EQ(swept().removed.at("objects").things, 2);
  for (const auto& file : files) EXPECT_FALSE(is_there(file));
}

TEST_F(TrackedTest, WhatATraceKeepsGoesWithIt) {
  const auto file = add_trace("tr-1", 0);
  EXPECT_EQ(test::value_of(traces_->remove("default", {.experiment = 0, .ids = {"tr-1"}})), 1);
  later(hours(5));
  EXPECT_EQ(swept().removed.at("objects").things, 1);
  EXPECT_FALSE(is_there(file));
}

TEST_F(TrackedTest, RemovedModelsAndVersionsArePurged) {
  const auto registry = test::value_of(stores::GitModelRegistry::open(*models_, *objects_));
  const auto add = [&](const std::string& model, const std::string& bytes) {
    const auto digest = put(bytes);
    ports::NewRegisteredVersion version;
    version.model = model;
    version.files = {{.path = "net.bin", .digest = digest, .size = static_cast<std::int64_t>(bytes.size())}};
    version.at = clock_.now();
    EXPECT_OK(registry->register_version(version));
    return digest;
  };
  for (const auto* name : {"fish", "gone"})
    ASSERT_OK(registry->create_model(
        {.principal = {}, .name = name, .description = "", .tags = {}, .at = clock_.now()}));
  const auto kept = add("fish", std::string(200'000, 'k'));
  const auto removed = add("fish", std::string(200'000, 'r'));
  const auto later_one = add("fish", std::string(200'000, 'l'));
  const auto of_model = add("gone", std::string(200'000, 'g'));
  ASSERT_OK(registry->remove_version({.workspace = "default", .model = "fish"}, 2, {}, clock_.now()));
  ASSERT_OK(registry->remove_model({.workspace = "default", .model = "gone"}, {}, clock_.now()));
  later(hours(5));
  const auto without = swept();
  EXPECT_TRUE(without.removed.empty());
  EXPECT_EQ(without.kept.at("removed versions").things, 1);
  EXPECT_EQ(without.kept.at("removed models").things, 1);
  const auto dry = swept(keeps_removed(hours(4)), true).removed;
  const auto report = swept(keeps_removed(hours(4))).removed;
  EXPECT_EQ(report.at("removed versions").things, 1);
  EXPECT_EQ(report.at("removed models").things, 1);
  EXPECT_EQ(dry.at("objects").things, report.at("objects").things);
  for (const auto& gone : {removed, of_model}) EXPECT_FALSE(is_there(gone));
  for (const auto& there : {kept, later_one}) EXPECT_TRUE(is_there(there));
  EXPECT_TRUE(test::value_of(check(stores())).problems.empty());
}

}  // namespace sluice::storage
