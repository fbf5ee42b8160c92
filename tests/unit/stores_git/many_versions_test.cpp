#include <filesystem>
#include <set>

#include "models_fixture.hpp"
#include "result_assertions.hpp"
#include "sluice/base/json.hpp"
#include "sluice/stores/git/objects.hpp"
#include "sluice/stores/git/pack_merges.hpp"

namespace sluice::stores {
namespace {

/// What registering costs, counted in objects read, with many versions and with few.
class ManyVersions : public ModelsTest {
 protected:
  [[nodiscard]] ports::NewVersion numbered(int number) const {
    write("README.md", "version " + std::to_string(number) + "\n");
    auto out = version();
    out.effect_key = "run-" + std::to_string(number) + "/register";
    return out;
  }
  /// Runs `work` in what a new process would be, which has read nothing yet; returns how many objects it
  /// read.
  template <typename Work>
  std::uint64_t reads_of(Work work) {
    models_ = open_models(*store_);
    const auto before = git::Objects::reads();
    work();
    return git::Objects::reads() - before;
  }
  std::uint64_t reads_of_registering(int number) {
    const auto given = numbered(number);
    return reads_of([&] {
      const auto registered = models_->add_version(given);
      ASSERT_OK(registered);
      EXPECT_EQ(registered->version.number, number);
      EXPECT_TRUE(registered->created);
    });
  }
  [[nodiscard]] std::size_t packs() const {
    std::size_t count = 0;
    for (const auto& entry : fs::directory_iterator(models_->path_of("default", "stamps") / "objects/pack"))
      count += entry.path().extension() == ".pack" ? 1 : 0;
    return count;
  }
};

TEST_F(ManyVersions, CostNoMoreThanFew) {
  constexpr int many = 70;  // beyond the first repacking
  ASSERT_OK(models_->add_version(numbered(1)));
  const auto second = reads_of_registering(2);
  EXPECT_GT(second, 0U);
  for (int i = 3; i < many; ++i) ASSERT_OK(models_->add_version(numbered(i)));
  // The table of keys has more folders and files by now, each of which is read at most once.
  EXPECT_LE(reads_of_registering(many), second + 8);
  EXPECT_LE(packs(), 51U);
  EXPECT_EQ(fsck("stamps"), "");

  // What exists already is found without reading the others, too.
  const auto again = numbered(7);
  const auto by_key = reads_of([&] {
    const auto found = models_->add_version(again);
    ASSERT_OK(found);
    EXPECT_EQ(found->version.number, 7);
    EXPECT_FALSE(found->created);
  });
  EXPECT_LE(by_key, second + 8);
  auto same_content = numbered(9);
  same_content.effect_key = "another";
  const auto by_content = reads_of([&] {
    const auto found = models_->add_version(same_content);
    ASSERT_OK(found);
    EXPECT_EQ(found->version.number, 9);
    EXPECT_FALSE(found->created);
  });
  EXPECT_LE(by_content, second + 8);
  EXPECT_EQ(test::value_of(models_->resolve("default", "stamps", "")).number, 9);
}

TEST_F(ManyVersions, AreRepackedInParts) {
  ASSERT_OK(models_->add_version(numbered(1)));
  const auto repository = models_->path_of("default", "stamps");
  const auto add = [&](const std::string& prefix, int count) {
    git::Objects objects(repository);
    for (int i = 0; i < count; ++i)
      ASSERT_OK(objects.write(git::Objects::Kind::blob, prefix + std::to_string(i * 7919)));
    ASSERT_OK(objects.flush());
  };
  const auto files = [&] {
    std::set<std::string> out;
    for (const auto& entry : fs::directory_iterator(repository / "objects/pack"))
      if (entry.path().extension() == ".pack") out.insert(entry.path().filename());
    return out;
  };
  add("of many ", 1000);
  const auto with_large = files();
  for (const auto* prefix : {"a ", "b ", "c "}) add(prefix, 3);
  const auto all = test::value_of(git::Objects(repository).all());
  ASSERT_OK(git::merge_packs(repository, 4, git::MergeLock::Wait::yes, {}));
  const auto after = files();
  EXPECT_EQ(after.size(), with_large.size() + 1);  // the three small ones are one
  for (const auto& file : with_large) EXPECT_TRUE(after.contains(file)) << file;
  EXPECT_EQ(test::value_of(git::Objects(repository).all()).size(), all.size());
  EXPECT_EQ(fsck("stamps"), "");
}

TEST_F(ManyVersions, WithoutAnIndexAreIndexedByTheNextChange) {
  for (int i = 1; i <= 4; ++i) ASSERT_OK(models_->add_version(numbered(i)));
  // As an older Sluice left it: no table, and nothing in model.json that speaks of one.
  auto state = test::value_of(parse_json(git("stamps", "show refs/meta/registry:model.json"), "model.json"));
  Struct older;
  for (const auto& [name, value] : *state.if_struct())
    if (name != "indexed") older.set(name, value);
  ASSERT_OK(os::write_file(root_->path() / "older.json", to_json(older)));
  ASSERT_EQ(shell("set -e; cd '" + models_->path_of("default", "stamps").string() +
                  "'; blob=$(git hash-object -w '" + (root_->path() / "older.json").string() +
                  "'); tree=$(printf '100644 blob %s\\tmodel.json\\n' $blob | git mktree); "
                  "commit=$(git commit-tree -m older -p refs/meta/registry $tree); "
                  "git update-ref refs/meta/registry $commit; git pack-refs --all"),
            "");
  ASSERT_EQ(git("stamps", "ls-tree --name-only refs/meta/registry"), "model.json\n");
  const auto found = models_->add_version(numbered(2));
  ASSERT_OK(found);
  EXPECT_EQ(found->version.number, 2);
  EXPECT_FALSE(found->created);
  auto same_content = numbered(3);
  same_content.effect_key = "another";
  EXPECT_EQ(test::value_of(models_->add_version(same_content)).version.number, 3);  // moves the alias
  EXPECT_EQ(git("stamps", "ls-tree --name-only refs/meta/registry"), "contents\neffects\nmodel.json\n");
  const auto fifth = reads_of_registering(5);
  EXPECT_LE(reads_of_registering(6), fifth + 4);
}

TEST_F(ManyVersions, AreNotFoundByAnEntryThatIsWrong) {
  for (int i = 1; i <= 3; ++i) ASSERT_OK(models_->add_version(numbered(i)));
  // The tag of v2 now names what v3 holds: the table still says that v2 has the second content.
  const auto file = models_->path_of("default", "stamps") / "packed-refs";
  auto refs = read(file);
  const auto line_of = [&](const std::string& name) { return refs.rfind('\n', refs.find(name)) + 1; };
  const auto third = refs.substr(line_of("refs/tags/v3"), 40);
  refs.replace(line_of("refs/tags/v2"), 40, third);
  ASSERT_OK(os::write_file(file, refs));
  models_ = open_models(*store_);
  const auto registered = models_->add_version(numbered(2));
  ASSERT_OK(registered);
  EXPECT_TRUE(registered->created);
  EXPECT_EQ(registered->version.number, 4);
}

}  // namespace
}  // namespace sluice::stores
