#include "sluice/domain/storage/storage.hpp"
#include "sluice/stores/sqlite/sqlite_artifact_paths.hpp"
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

}  // namespace sluice::storage
