// The registry that the repositories are: what changes after a version's birth, removals and renames.
#include "sluice/stores/git/registry.hpp"

#include <algorithm>
#include <atomic>
#include <set>
#include <thread>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "models_fixture.hpp"
#include "result_assertions.hpp"
#include "sluice/stores/git/bare_repository.hpp"
#include "sluice/stores/git/git_model_registry.hpp"
#include "sluice/stores/git/model_repositories.hpp"

namespace sluice::stores {
namespace {

using ports::ModelPlace;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

const Principal anna{.workspace = "default", .name = "anna"};
const ModelPlace fish{.workspace = "default", .model = "fish"};

Time at(std::int64_t second) { return Time(Milliseconds(1'700'000'000'000 + second * 1000)); }

class RegistryTest : public ModelsTest {
 protected:
  void SetUp() override {
    ModelsTest::SetUp();
    registry_ = open_registry(*models_, *store_);
  }
  static std::unique_ptr<GitModelRegistry> open_registry(GitModelRepository& models,
                                                         ports::ObjectStore& store) {
    return test::value_of(GitModelRegistry::open(models, store));
  }
  void create(const std::string& name = "fish") const {
    ASSERT_OK(registry_->create_model(
        {.principal = anna, .name = name, .description = "", .tags = {}, .at = at(0)}));
  }
  Result<ports::RegisteredVersion> add(Time when, const std::string& text = "text",
                                       const std::string& name = "fish") const {
    SLUICE_TRY(stored, store_->put(text));
    return registry_->register_version(
        {.principal = anna,
         .model = name,
         .files = {{.path = "file.txt", .digest = stored.digest, .size = stored.size}},
         .description = "born",
         .source = "s3://bucket",
         .storage = "s3://bucket",
         .run = "r1",
         .run_link = "",
         .logged_model = "m-1",
         .tags = {{.key = "a", .value = "1"}},
         .at = when});
  }
  [[nodiscard]] std::string subjects(const std::string& name = "fish") const {
    return git(name, "log --format=%s refs/meta/registry");
  }
  [[nodiscard]] std::vector<ports::ModelStorage::Removed> what_is_removed() const {
    std::vector<ports::ModelStorage::Removed> out;
    EXPECT_OK(models_->each_removed([&](const auto& removed) -> Result<void> {
      out.push_back(removed);
      return {};
    }));
    return out;
  }
  [[nodiscard]] fs::path folder() const { return root_->path() / "data/models/default"; }

  std::unique_ptr<GitModelRegistry> registry_;
};

TEST_F(RegistryTest, AVersionHasWhatItWasBornWith) {
  create();
  ASSERT_OK(add(at(1)));
  const auto version = registry_->registered_version(fish, 1);
  ASSERT_OK(version);
  EXPECT_EQ(version->created, at(1));
  EXPECT_EQ(version->updated, at(1));
  EXPECT_EQ(version->user, "anna");
  EXPECT_EQ(version->description, "born");
  EXPECT_EQ(version->stage, "None");
  EXPECT_EQ(version->storage, "s3://bucket");
  EXPECT_EQ(version->run, "r1");
  EXPECT_EQ(version->logged_model, "m-1");
  EXPECT_THAT(version->tags, ElementsAre(ports::KeyValue{.key = "a", .value = "1"}));
  EXPECT_EQ(git("fish", "show v1:file.txt"), "text");
  EXPECT_EQ(fsck("fish"), "");
}

TEST_F(RegistryTest, EqualContentIsANewVersionAllTheSame) {
  create();
  ASSERT_OK(add(at(1)));
  const auto second = add(at(2));
  ASSERT_OK(second);
  EXPECT_EQ(second->number, 2);
  EXPECT_EQ(git("fish", "rev-parse v1^{tree}"), git("fish", "rev-parse v2^{tree}"));
}

TEST_F(RegistryTest, AVersionMayHaveANumberThatWasNeverUsed) {
  create();
  const auto add_as = [&](std::int64_t number) {
    ports::NewRegisteredVersion version;
    version.principal = anna;
    version.model = "fish";
    version.at = at(number);
    version.number = number;
    return registry_->register_version(version);
  };
  EXPECT_EQ(add_as(3)->number, 3);
  EXPECT_EQ(add(at(4))->number, 4);
  ASSERT_OK(registry_->remove_version(fish, 4, anna, at(5)));
  for (const auto used : {1, 3, 4})
    EXPECT_EQ(test::error_of(add_as(used)).code, Code::already_exists) << used;
  EXPECT_EQ(add_as(7)->number, 7);
  EXPECT_EQ(fsck("fish"), "");
}

TEST_F(RegistryTest, AVersionMayHaveNoContent) {
  create();
  const auto made = registry_->register_version({.principal = anna,
                                                 .model = "fish",
                                                 .files = {},
                                                 .description = "",
                                                 .source = "dummy-source",
                                                 .storage = "",
                                                 .run = "",
                                                 .run_link = "",
                                                 .logged_model = "",
                                                 .tags = {},
                                                 .at = at(1)});
  ASSERT_OK(made);
  EXPECT_EQ(git("fish", "ls-tree v1"), "");
  EXPECT_EQ(fsck("fish"), "");
  EXPECT_THAT(models_->files("default", *models_->resolve("default", "fish", "1")).value(), IsEmpty());
}

TEST_F(RegistryTest, LargeFilesAreThoseOfTheStore) {
  create();
  const auto stored = store_->put(std::string(200'000, 'x'));
  ASSERT_OK(stored);
  ASSERT_OK(registry_->register_version(
      {.principal = anna,
       .model = "fish",
       .files = {{.path = "in/weights.bin", .digest = stored->digest, .size = stored->size}},
       .description = "",
       .source = "",
       .storage = "",
       .run = "",
       .run_link = "",
       .logged_model = "",
       .tags = {},
       .at = at(1)}));
  EXPECT_THAT(git("fish", "show v1:in/weights.bin"), HasSubstr("oid sha256:" + stored->digest.hex()));
  EXPECT_THAT(git("fish", "show v1:.gitattributes"), HasSubstr("/in/weights.bin filter=lfs"));
}

TEST_F(RegistryTest, WhatMovesTheTimesOfUpdates) {
  create();
  ASSERT_OK(add(at(1)));
  const auto model = [&] { return registry_->registered_model(fish)->updated; };
  const auto version = [&] { return registry_->registered_version(fish, 1)->updated; };
  EXPECT_EQ(model(), at(1));
  ASSERT_OK(registry_->change_model(fish, {.alias = {{"champion", 1}}}, anna, at(2)));
  ASSERT_OK(registry_->change_model(fish, {.tag = {{.key = "k", .value = "v"}}}, anna, at(3)));
  ASSERT_OK(registry_->change_version(fish, 1, {.tag = {{.key = "k", .value = "v"}}}, anna, at(4)));
  EXPECT_EQ(model(), at(1));
  EXPECT_EQ(version(), at(1));
  ASSERT_OK(registry_->change_version(fish, 1, {.description = "new"}, anna, at(5)));
  EXPECT_EQ(model(), at(1));
  EXPECT_EQ(version(), at(5));
  ASSERT_OK(registry_->change_version(fish, 1, {.stage = "Staging"}, anna, at(6)));
  EXPECT_EQ(model(), at(6));
  EXPECT_EQ(version(), at(6));
  ASSERT_OK(registry_->change_model(fish, {.description = "new"}, anna, at(7)));
  EXPECT_EQ(model(), at(7));
  EXPECT_EQ(version(), at(6));
  ASSERT_OK(registry_->rename_model(fish, "fish", anna, at(8)));
  EXPECT_EQ(model(), at(8));
  EXPECT_EQ(version(), at(8));
}

TEST_F(RegistryTest, EachChangeIsACommitThatSaysWhatItWas) {
  create();
  ASSERT_OK(add(at(1)));
  ASSERT_OK(add(at(2)));
  ASSERT_OK(registry_->change_model(fish, {.alias = {{"champion", 1}}}, anna, at(3)));
  ASSERT_OK(registry_->change_model(fish, {.alias = {{"champion", 2}}}, anna, at(4)));
  ASSERT_OK(registry_->change_version(fish, 2, {.stage = "Production"}, anna, at(5)));
  ASSERT_OK(registry_->change_model(fish, {.removed_alias = "champion"}, anna, at(6)));
  EXPECT_EQ(subjects(),
            "alias champion v2 -> none\nstage v2 None -> Production\nalias champion v1 -> v2\n"
            "alias champion -> v1\nversion v2\nversion v1\nmodel fish\n");
  EXPECT_THAT(
      git("fish", "log -1 --format=%b refs/meta/registry"),
      HasSubstr(
          R"(Op: {"op":"alias","by":"anna","at_ms":1700000006000,"alias":"champion","from":"v2","to":null})"));
}

TEST_F(RegistryTest, AChangeThatChangesNothingIsNoCommit) {
  create();
  ASSERT_OK(add(at(1)));
  ASSERT_OK(registry_->change_model(fish, {.alias = {{"a", 1}}}, anna, at(2)));
  ASSERT_OK(registry_->change_model(fish, {.tag = {{.key = "k", .value = "v"}}}, anna, at(3)));
  const auto before = subjects();
  ASSERT_OK(registry_->change_model(fish, {.alias = {{"a", 1}}}, anna, at(4)));
  ASSERT_OK(registry_->change_model(fish, {.tag = {{.key = "k", .value = "v"}}}, anna, at(5)));
  ASSERT_OK(registry_->change_model(fish, {.removed_tag = "none"}, anna, at(6)));
  ASSERT_OK(registry_->change_model(fish, {.removed_alias = "none"}, anna, at(7)));
  EXPECT_EQ(subjects(), before);
}

TEST_F(RegistryTest, OthersLeaveTheStageInTheSameCommit) {
  create();
  for (int i = 1; i <= 3; ++i) ASSERT_OK(add(at(i)));
  ASSERT_OK(registry_->change_version(fish, 1, {.stage = "Production"}, anna, at(4)));
  ASSERT_OK(registry_->change_version(fish, 3, {.stage = "Production", .stage_of_others = "Archived"}, anna,
                                      at(5)));
  EXPECT_EQ(git("fish", "log -1 --format=%s refs/meta/registry"),
            "stage v1 Production -> Archived, stage v3 None -> Production\n");
  std::vector<std::string> stages;
  for (const auto& newest : registry_->registered_model(fish)->newest) stages.push_back(newest.stage);
  EXPECT_THAT(stages, ElementsAre("Archived", "None", "Production"));
}

TEST_F(RegistryTest, ARemovedVersionIsGoneAndItsNumberIsUsed) {
  create();
  ASSERT_OK(add(at(1), "one"));
  ASSERT_OK(add(at(2), "two"));
  ASSERT_OK(registry_->change_model(fish, {.alias = {{"champion", 2}}}, anna, at(3)));
  ASSERT_OK(registry_->change_model(fish, {.alias = {{"first", 1}}}, anna, at(3)));
  ASSERT_OK(registry_->remove_version(fish, 2, anna, at(4)));
  EXPECT_EQ(git("fish", "for-each-ref --format='%(refname)'"),
            "refs/aliases/first\nrefs/deleted/v2\nrefs/heads/main\nrefs/meta/registry\nrefs/tags/v1\n");
  EXPECT_EQ(git("fish", "rev-parse main"), git("fish", "rev-parse v1^{commit}"));
  EXPECT_EQ(test::error_of(registry_->registered_version(fish, 2)).code, Code::not_found);
  EXPECT_EQ(test::error_of(registry_->remove_version(fish, 2, anna, at(5))).code, Code::not_found);
  EXPECT_EQ(test::error_of(models_->resolve("default", "fish", "2")).code, Code::not_found);
  EXPECT_THAT(registry_->registered_model(fish)->aliases, UnorderedElementsAre(Pair("first", 1)));
  const auto next = add(at(6), "three");
  ASSERT_OK(next);
  EXPECT_EQ(next->number, 3);
  EXPECT_EQ(fsck("fish"), "");
}

TEST_F(RegistryTest, TheLastVersionMayBeRemoved) {
  create();
  ASSERT_OK(add(at(1)));
  ASSERT_OK(registry_->remove_version(fish, 1, anna, at(2)));
  EXPECT_THAT(registry_->registered_model(fish)->newest, IsEmpty());
  EXPECT_THAT(models_->models("default", {}).value(), ElementsAre("fish"));
  EXPECT_EQ(shell("git clone -q data/models/default/fish.git clone; ls clone"),
            "warning: You appear to have cloned an empty repository.\n");
  EXPECT_EQ(add(at(3))->number, 2);
  EXPECT_EQ(fsck("fish"), "");
}

TEST_F(RegistryTest, ARemovedModelStartsAtOneAgain) {
  create();
  ASSERT_OK(add(at(1)));
  ASSERT_OK(add(at(2)));
  ASSERT_OK(registry_->remove_model(fish, anna, at(3)));
  EXPECT_EQ(test::error_of(registry_->registered_model(fish)).code, Code::not_found);
  EXPECT_EQ(test::error_of(add(at(4))).code, Code::not_found);
  EXPECT_THAT(models_->models("default", {}).value(), IsEmpty());
  create();
  EXPECT_EQ(add(at(5))->number, 1);
  ASSERT_OK(registry_->remove_model(fish, anna, at(3)));  // at the same time of day as the other
  EXPECT_EQ(std::distance(fs::directory_iterator(folder() / ".trash"), {}), 2);
}

TEST_F(RegistryTest, SweepsAndBackupsKnowWhatWasRemoved) {
  create();
  create("gone");
  ASSERT_OK(add(at(1), std::string(200'000, 'a')));
  ASSERT_OK(add(at(2), std::string(200'000, 'b'), "gone"));
  ASSERT_OK(registry_->remove_version(fish, 1, anna, at(3)));
  ASSERT_OK(registry_->remove_model({.workspace = "default", .model = "gone"}, anna, at(3)));
  std::vector<std::string> models;
  std::vector<Digest> large;
  const auto take = [&](const ports::ModelStorage::VersionContent& version) -> Result<void> {
    EXPECT_FALSE(version.is_version);
    models.push_back(version.model);
    large.insert(large.end(), version.large_files.begin(), version.large_files.end());
    return {};
  };
  ASSERT_OK(models_->each_version({}, take));
  EXPECT_THAT(models, testing::IsSupersetOf({"fish v1 (removed)", "gone (removed) v1"}));
  EXPECT_THAT(large, UnorderedElementsAre(Digest::of(std::string(200'000, 'a')),
                                          Digest::of(std::string(200'000, 'b'))));
  const auto copied = git::copy_repositories(root_->path() / "data/models", root_->path() / "backup/models");
  ASSERT_OK(copied);
  EXPECT_EQ(*copied, 1);
  EXPECT_EQ(std::distance(fs::directory_iterator(root_->path() / "backup/models/default/.trash"), {}), 1);
  std::vector<std::string> damaged;
  ASSERT_OK(models_->verify([&](const std::string& model, const std::string&) { damaged.push_back(model); }));
  EXPECT_THAT(damaged, IsEmpty());
}

TEST_F(RegistryTest, APurgedVersionIsGoneFromTheRepositoryAndItsNumberIsUsed) {
  create();
  ASSERT_OK(add(at(1), "one"));
  ASSERT_OK(add(at(2), "two"));
  const auto blob = git("fish", "rev-parse v2:file.txt");
  const auto tag = git("fish", "rev-parse v2");
  ASSERT_OK(registry_->remove_version(fish, 2, anna, at(3)));
  const auto removed = what_is_removed();
  ASSERT_EQ(removed.size(), 1U);
  EXPECT_EQ(removed[0].name, "fish v2");
  EXPECT_EQ(removed[0].removed, at(3));
  EXPECT_TRUE(removed[0].is_version);
  ASSERT_OK(models_->purge({removed[0].place}, at(4)));
  EXPECT_THAT(what_is_removed(), IsEmpty());
  EXPECT_EQ(git("fish", "for-each-ref --format='%(refname)'"),
            "refs/heads/main\nrefs/meta/registry\nrefs/tags/v1\n");
  for (const auto& gone : {blob, tag}) EXPECT_THAT(git("fish", "cat-file -t " + gone), HasSubstr("fatal"));
  EXPECT_EQ(git("fish", "show v1:file.txt"), "one");
  EXPECT_EQ(fsck("fish"), "");
  EXPECT_EQ(git("fish", "fsck --unreachable --no-reflogs"), "");
  EXPECT_THAT(subjects(), HasSubstr("purge v2"));
  EXPECT_EQ(add(at(5), "three")->number, 3);
  ASSERT_OK(registry_->remove_version(fish, 3, anna, at(6)));
  ASSERT_OK(models_->purge({what_is_removed().at(0).place}, at(7)));
  EXPECT_EQ(add(at(8), "four")->number, 4);
  EXPECT_EQ(fsck("fish"), "");
}

TEST_F(RegistryTest, WhatAPurgedVersionHadStaysAsLongAsAnotherNeedsIt) {
  create();
  const std::string shared(200'000, 's');
  const std::string own(200'000, 'o');
  ASSERT_OK(add(at(1), own));
  ASSERT_OK(add(at(2), shared));
  ASSERT_OK(add(at(3), shared));
  const auto needed = [&](const std::unordered_set<std::string>& as_if_purged) {
    std::set<Digest> digests;
    EXPECT_OK(models_->each_version(as_if_purged, [&](const auto& version) -> Result<void> {
      digests.insert(version.large_files.begin(), version.large_files.end());
      for (const auto& text : version.texts)
        for (const auto& file : {shared, own})
          if (text.find(Digest::of(file).hex()) != std::string::npos) digests.insert(Digest::of(file));
      return {};
    }));
    return digests;
  };
  for (const auto number : {1, 2}) ASSERT_OK(registry_->remove_version(fish, number, anna, at(4)));
  EXPECT_EQ(needed({}).size(), 2U);
  std::vector<std::string> places;
  for (const auto& removed : what_is_removed()) places.push_back(removed.place);
  EXPECT_THAT(needed({places.begin(), places.end()}), ElementsAre(Digest::of(shared))) << "before it is done";
  ASSERT_OK(models_->purge(places, at(5)));
  EXPECT_THAT(needed({}), ElementsAre(Digest::of(shared)));
  EXPECT_EQ(git("fish", "log --format=%s v3"), "fish v3\nfish v2\nfish v1\n") << "it is the history of v3";
  EXPECT_EQ(fsck("fish"), "");
}

TEST_F(RegistryTest, APurgedModelIsGoneAndStaysSo) {
  create();
  ASSERT_OK(add(at(1)));
  ASSERT_OK(registry_->remove_model(fish, anna, at(2)));
  const auto removed = what_is_removed();
  ASSERT_EQ(removed.size(), 1U);
  EXPECT_FALSE(removed[0].is_version);
  EXPECT_EQ(removed[0].removed, at(2));
  ASSERT_OK(models_->purge({removed[0].place}, at(3)));
  EXPECT_THAT(what_is_removed(), IsEmpty());
  const auto copied = git::copy_repositories(root_->path() / "data/models", root_->path() / "backup/models");
  ASSERT_OK(copied);
  EXPECT_EQ(*copied, 0);
  const auto restored =
      test::value_of(GitModelRepository::open(root_->path() / "backup/models", *store_, clock_));
  for (auto* models : {models_.get(), restored.get()}) {
    ASSERT_OK(models->import_repository("default", "fish", root_->path() / "built-in.git"));
    EXPECT_THAT(models->models("default", {}).value(), IsEmpty());
  }
  create();
  EXPECT_EQ(add(at(4))->number, 1);
}

// A kill at any moment of a purge: what stays is whole, and the next purge finishes it.
TEST_F(RegistryTest, AKillAtAnyMomentOfAPurgeLosesNothing) {
  for (int round = 0; round < 6; ++round) {
    const auto name = "model" + std::to_string(round);
    const ModelPlace place{.workspace = "default", .model = name};
    create(name);
    for (int i = 1; i <= 8; ++i) ASSERT_OK(add(at(i), "text " + std::to_string(i), name));
    for (int i = 3; i <= 8; ++i) ASSERT_OK(registry_->remove_version(place, i, anna, at(9)));
    std::vector<std::string> places;
    for (const auto& removed : what_is_removed()) places.push_back(removed.place);
    // A fork would hold the locks of a merge that goes on in this process.
    registry_.reset();
    models_.reset();
    kill_after(round + 1, [&](const auto& step) {
      const auto store = open_store();
      const auto models = open_models(*store);
      for (const auto& each : places) {
        step();
        if (!models->purge({each}, at(10))) _exit(1);
      }
      for (;;) step();
    });
    models_ = open_models(*store_);
    registry_ = open_registry(*models_, *store_);
    EXPECT_EQ(fsck(name), "");
    places.clear();
    for (const auto& removed : what_is_removed()) places.push_back(removed.place);
    ASSERT_OK(models_->purge(places, at(11)));
    EXPECT_THAT(what_is_removed(), IsEmpty());
    EXPECT_EQ(git(name, "fsck --unreachable --no-reflogs"), "");
    EXPECT_FALSE(os::exists(folder() / (name + ".git/purging")));
    EXPECT_EQ(git(name, "show v1:file.txt") + git(name, "show v2:file.txt"), "text 1text 2");
    EXPECT_EQ(add(at(12), "more", name)->number, 9);
  }
}

TEST_F(RegistryTest, AModelMovesWithItsName) {
  create();
  create("taken");
  ASSERT_OK(add(at(1)));
  EXPECT_EQ(test::error_of(registry_->rename_model(fish, "taken", anna, at(2))).code, Code::already_exists);
  ASSERT_OK(registry_->rename_model(fish, "a new/name " + std::string(500, 'x'), anna, at(3)));
  EXPECT_EQ(test::error_of(registry_->registered_model(fish)).code, Code::not_found);
  const auto names = models_->models("default", {});
  ASSERT_OK(names);
  EXPECT_THAT(*names, ElementsAre("a new/name " + std::string(500, 'x'), "taken"));
  EXPECT_EQ(add(at(4), "text", names->front())->number, 2);
  EXPECT_EQ(fsck(names->front()), "");
  for (const auto& entry : fs::directory_iterator(folder()))
    EXPECT_FALSE(entry.path().filename().string().starts_with(".renaming")) << entry.path();
}

/// The state of a process that died between the commit and the move.
void begin_rename(const fs::path& repository, const std::string& name) {
  ASSERT_OK(os::write_file(repository.parent_path() / (".renaming-" + repository.filename().string()), name));
  git::TagCache tags;
  auto registry = git::Registry::open(repository, tags);
  ASSERT_OK(registry);
  const git::Registry::By by{.principal = anna, .at = at(5)};
  registry->rename_model("fish", name, by);
  ASSERT_OK(registry->commit(by));
}

TEST_F(RegistryTest, AnInterruptedRenameIsFinished) {
  create();
  ASSERT_OK(add(at(1)));
  begin_rename(models_->path_of("default", "fish"), "birds");
  models_ = open_models(*store_);
  registry_ = open_registry(*models_, *store_);
  EXPECT_EQ(test::error_of(registry_->registered_model(fish)).code, Code::not_found);
  EXPECT_OK(registry_->registered_version({.workspace = "default", .model = "birds"}, 1));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder()), {}), 1);
}

TEST_F(RegistryTest, AnInterruptedRenameToANameThatIsTakenNowIsUndone) {
  create();
  ASSERT_OK(add(at(1)));
  begin_rename(models_->path_of("default", "fish"), "birds");
  create("birds");
  models_ = open_models(*store_);
  registry_ = open_registry(*models_, *store_);
  EXPECT_OK(registry_->registered_version(fish, 1));
  EXPECT_THAT(git("fish", "show refs/meta/registry:model.json"), HasSubstr(R"("name": "fish")"));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder()), {}), 2);
}

TEST_F(RegistryTest, ARenameThatHadNotBegunIsForgotten) {
  create();
  ASSERT_OK(os::write_file(folder() / ".renaming-fish.git", "birds"));
  ASSERT_OK(os::write_file(folder() / ".renaming-other.git", "birds"));
  registry_ = open_registry(*models_, *store_);
  EXPECT_OK(registry_->registered_model(fish));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder()), {}), 1);
}

TEST_F(RegistryTest, WhoChangedWhatIsTold) {
  create();
  EXPECT_THAT(registry_->take_changed(), ElementsAre(fish));
  EXPECT_THAT(registry_->take_changed(), IsEmpty());
  ASSERT_OK(models_->add_version(version("stamps")));
  ASSERT_OK(models_->set_alias("default", "stamps", "other", 1, anna, at(1)));
  EXPECT_THAT(registry_->take_changed(), ElementsAre(ModelPlace{"default", "stamps"}));
  ASSERT_OK(registry_->rename_model(fish, "birds", anna, at(2)));
  EXPECT_THAT(registry_->take_changed(), ElementsAre(ModelPlace{"default", "birds"}, fish));
}

TEST_F(RegistryTest, AMarkIsAnotherAfterEachChange) {
  create();
  EXPECT_EQ(*registry_->mark({.workspace = "default", .model = "none"}), std::nullopt);
  auto before = registry_->mark(fish).value();
  ASSERT_TRUE(before);
  for (int i = 0; i < 20; ++i) {
    ASSERT_OK(
        registry_->change_model(fish, {.tag = {{.key = "k", .value = std::to_string(i % 2)}}}, anna, at(i)));
    const auto after = registry_->mark(fish).value();
    EXPECT_NE(before, after);
    before = after;
  }
}

TEST_F(RegistryTest, ThreadsAndProcessesChangeOneModel) {
  create();
  ASSERT_OK(add(at(1)));
  constexpr int each = 8;
  std::vector<pid_t> children;
  for (int p = 0; p < 2; ++p) {
    const auto pid = fork();
    ASSERT_GE(pid, 0);
    if (pid == 0) {
      const auto store = open_store();
      const auto models = open_models(*store);
      const auto registry = open_registry(*models, *store);
      std::atomic<int> failures{0};
      {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 2; ++t)
          threads.emplace_back([&, t] {
            for (int i = 0; i < each; ++i) {
              const auto key = std::to_string(p) + "-" + std::to_string(t) + "-" + std::to_string(i);
              if (!registry->change_model(fish, {.tag = {{.key = key, .value = "v"}}}, anna, at(i)) ||
                  !registry->change_version(fish, 1, {.tag = {{.key = key, .value = "v"}}}, anna, at(i)))
                ++failures;
            }
          });
      }
      _exit(failures);
    }
    children.push_back(pid);
  }
  for (const auto pid : children) {
    int status = 0;
    ASSERT_EQ(waitpid(pid, &status, 0), pid);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(registry_->registered_model(fish)->tags.size(), 4U * each);
  EXPECT_EQ(registry_->registered_version(fish, 1)->tags.size(), 4U * each + 1);
  EXPECT_EQ(fsck("fish"), "");
}

// A kill at any moment of changes that follow one another: each is there as a whole, or not at all.
TEST_F(RegistryTest, AKillAtAnyMomentLeavesAWholeRegistry) {
  create("one");
  ASSERT_OK(add(at(0), "text", "one"));
  for (int round = 0; round < 12; ++round) {
    kill_after(round + 1, [&](const auto& step) {
      const auto store = open_store();
      const auto models = open_models(*store);
      const auto registry = open_registry(*models, *store);
      auto name = registry->registered_model({.workspace = "default", .model = "one"}) ? "one" : "two";
      for (int i = 0;; ++i) {
        const ModelPlace place{.workspace = "default", .model = name};
        step();
        const auto made = registry->register_version({.principal = anna,
                                                      .model = name,
                                                      .files = {},
                                                      .description = "",
                                                      .source = "",
                                                      .storage = "",
                                                      .run = "",
                                                      .run_link = "",
                                                      .logged_model = "",
                                                      .tags = {},
                                                      .at = at(i)});
        step();
        if (!made || !registry->change_model(place, {.alias = {{"newest", made->number}}}, anna, at(i)) ||
            !registry->change_version(place, made->number, {.stage = "Staging"}, anna, at(i)))
          _exit(1);
        step();
        if (made->number % 2 == 0 && !registry->remove_version(place, made->number, anna, at(i))) _exit(2);
        const auto* other = std::string_view(name) == "one" ? "two" : "one";
        step();
        if (!registry->rename_model(place, other, anna, at(i))) _exit(3);
        name = other;
      }
    });
    models_ = open_models(*store_);
    registry_ = open_registry(*models_, *store_);
    const auto known = models_->models("default", {});
    ASSERT_OK(known);
    ASSERT_EQ(known->size(), 1U);
    EXPECT_EQ(fsck(known->front()), "");
    const auto content = registry_->content({.workspace = "default", .model = known->front()});
    ASSERT_OK(content);
    EXPECT_THAT(git(known->front(), "show refs/meta/registry:model.json"),
                HasSubstr("\"name\": \"" + known->front() + "\""));
    // Each round may have ended before it removed its last one.
    EXPECT_LE(std::ranges::count_if(content->versions, [](const auto& each) { return each.number % 2 == 0; }),
              round + 1);
    const auto alias = content->model.aliases.find("newest");
    if (alias != content->model.aliases.end())
      EXPECT_OK(
          registry_->registered_version({.workspace = "default", .model = known->front()}, alias->second));
  }
}

}  // namespace
}  // namespace sluice::stores
