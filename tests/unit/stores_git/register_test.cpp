#include <sys/stat.h>

#include "models_fixture.hpp"
#include "result_assertions.hpp"
#include "sluice/stores/git/objects.hpp"
#include "sluice/stores/git/pack_merges.hpp"

namespace sluice::stores {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Register : public ModelsTest {};

TEST_F(Register, MakesAVersionWithTagBranchAliasAndRecord) {
  auto first = version();
  first.description = "A head on ten classes.";
  first.run_id = "01hrun";
  first.source = "runs:/01hrun";
  first.effect_key = "01hrun/version";
  first.principal.name = "ann";
  const auto registered = models_->add_version(first);
  ASSERT_OK(registered);
  EXPECT_TRUE(registered->created);
  EXPECT_EQ(registered->version.number, 1);
  EXPECT_EQ(registered->version.model, "stamps");
  EXPECT_EQ(registered->version.run, "01hrun");
  EXPECT_EQ(registered->version.user, "ann");
  EXPECT_EQ(registered->version.description, "A head on ten classes.");
  EXPECT_EQ(registered->version.created, Time(Milliseconds(1'700'000'000'123)));
  EXPECT_THAT(registered->version.aliases, ElementsAre("champion"));
  EXPECT_EQ(models_->path_of("default", "stamps"), root_->path() / "data/models/default/stamps.git");

  EXPECT_EQ(fsck("stamps"), "");
  const auto refs =
      git("stamps", "for-each-ref --format='%(refname) %(objecttype) %(objectname) %(*objectname)'");
  const auto commit = registered->version.commit;
  EXPECT_THAT(refs, HasSubstr("refs/heads/main commit " + commit));
  EXPECT_THAT(refs, HasSubstr("refs/tags/v1 tag "));
  EXPECT_THAT(refs, HasSubstr("refs/aliases/champion tag "));
  EXPECT_THAT(refs, HasSubstr("refs/meta/registry commit "));
  EXPECT_EQ(git("stamps", "rev-parse 'v1^{commit}' 'refs/aliases/champion^{commit}' main"),
            commit + "\n" + commit + "\n" + commit + "\n");
  EXPECT_EQ(
      git("stamps", "cat-file tag v1 | tail -n +6"),
      "stamps v1\n\nA head on ten classes.\n\n"
      "Sluice-Record: "
      "{\"created_ms\":1700000000123,\"user\":\"ann\",\"source\":\"runs:/01hrun\",\"run_id\":\"01hrun\","
      "\"description\":\"A head on ten classes.\",\"key\":\"01hrun/version\"}\n");
  EXPECT_EQ(git("stamps", "log --format=%B refs/meta/registry"),
            "model stamps, version v1, alias champion -> v1\n\n"
            "Op: {\"op\":\"create\",\"by\":\"ann\",\"at_ms\":1700000000123,\"name\":\"stamps\"}\n"
            "Op: {\"op\":\"version\",\"by\":\"ann\",\"at_ms\":1700000000123,\"version\":\"v1\"}\n"
            "Op: "
            "{\"op\":\"alias\",\"by\":\"ann\",\"at_ms\":1700000000123,\"alias\":\"champion\",\"from\":null,"
            "\"to\":\"v1\"}\n\n");
  EXPECT_EQ(git("stamps", "ls-tree --name-only refs/meta/registry"), "contents\neffects\nmodel.json\n");
  EXPECT_THAT(git("stamps", "show refs/meta/registry:model.json"), HasSubstr("\"name\": \"stamps\""));
}

TEST_F(Register, KeepsLargeFilesInTheObjectStore) {
  const std::string large(100'001, 'x');
  write("table.bin", large);
  write("exact.bin", std::string(100'000, 'y'));
  write("sub/odd [name]*.bin", large + "2");
  write("empty.onnx", "");
  write("run.sh", "#!/bin/sh\n", 0755);
  const auto registered = models_->add_version(version());
  ASSERT_OK(registered);
  EXPECT_EQ(git("stamps", "show main:table.bin"), "version https://git-lfs.github.com/spec/v1\noid sha256:" +
                                                      Digest::of(large).hex() + "\nsize 100001\n");
  EXPECT_THAT(git("stamps", "show main:head.onnx"), HasSubstr("oid sha256:"));
  EXPECT_EQ(git("stamps", "cat-file -s main:exact.bin"), "100000\n");
  EXPECT_EQ(git("stamps", "show main:empty.onnx"), "");
  EXPECT_EQ(git("stamps", "show main:.gitattributes"),
            "*.onnx filter=lfs diff=lfs merge=lfs -text\n"
            "\"/sub/odd \\\\[name]\\\\*.bin\" filter=lfs diff=lfs merge=lfs -text\n"
            "/table.bin filter=lfs diff=lfs merge=lfs -text\n");
  EXPECT_TRUE(store_->has(Digest::of(large)));
  EXPECT_EQ(fs::read_symlink(models_->path_of("default", "stamps") / "lfs/objects"), "../../../../objects");
  EXPECT_EQ(store_->put("x")->size, 1);
  EXPECT_TRUE(
      fs::exists(models_->path_of("default", "stamps") / "lfs/objects" / Digest::of("x").hex().substr(0, 2)));
}

TEST_F(Register, ReturnsTheExistingVersionForEqualContent) {
  const auto one = models_->add_version(version()).value();
  write("provenance.json", "{\"run\":\"r2\", \"long\": \"" + std::string(150'000, 'p') + "\"}\n");
  const auto same = models_->add_version(version());
  ASSERT_OK(same);
  EXPECT_FALSE(same->created);
  EXPECT_EQ(same->version.commit, one.version.commit);
  EXPECT_EQ(git("stamps", "rev-list --count refs/meta/registry"), "1\n");

  write("head.onnx", "the weights of the second version");
  const auto two = models_->add_version(version()).value();
  EXPECT_TRUE(two.created);
  EXPECT_EQ(two.version.number, 2);
  EXPECT_EQ(git("stamps", "rev-parse v2~"), one.version.commit + "\n");
  EXPECT_THAT(models_->resolve("default", "stamps", "")->number, 2);

  // The first content again: its version exists; the alias follows the last request.
  write("head.onnx", "the weights of the first version");
  const auto back = models_->add_version(version()).value();
  EXPECT_FALSE(back.created);
  EXPECT_EQ(back.version.number, 1);
  EXPECT_THAT(back.version.aliases, ElementsAre("champion"));
  EXPECT_EQ(git("stamps", "log -1 --format=%s refs/meta/registry"), "alias champion v2 -> v1\n");

  // An additional file and a file's mode count as content.
  write("extra.txt", "x");
  EXPECT_EQ(models_->add_version(version())->version.number, 3);
  fs::permissions(content() / "extra.txt", fs::perms{0755});
  EXPECT_EQ(models_->add_version(version())->version.number, 4);
  EXPECT_EQ(fsck("stamps"), "");
}

TEST_F(Register, ReturnsTheSameVersionForTheSameEffect) {
  auto call = version();
  call.effect_key = "run1/version";
  const auto first = models_->add_version(call).value();
  write("head.onnx", "something else");
  auto other = version();
  other.effect_key = "run2/version";
  EXPECT_EQ(models_->add_version(other)->version.number, 2);
  // The engine repeats the first call after a crash, even with files that have changed since; the alias is
  // not moved.
  write("head.onnx", "changed meanwhile");
  const auto again = open_models(*store_)->add_version(call);
  ASSERT_OK(again);
  EXPECT_FALSE(again->created);
  EXPECT_EQ(again->version.number, first.version.number);
  EXPECT_THAT(again->version.aliases, IsEmpty());
  EXPECT_EQ(models_->resolve("default", "stamps", "champion")->number, 2);
}

TEST_F(Register, SetsNoAliasIfNoneIsRequested) {
  auto plain = version();
  plain.alias = "";
  EXPECT_THAT(models_->add_version(plain)->version.aliases, IsEmpty());
}

TEST_F(Register, RecognizesTheContentOfAMaterializedVersion) {
  write("table.bin", std::string(200'000, 'x'));
  write(".gitattributes", "*.txt text\n*.bin filter=lfs diff=lfs merge=lfs -text\n");
  const auto one = models_->add_version(version()).value();
  EXPECT_THAT(git("stamps", "show main:.gitattributes"), testing::StartsWith("*.txt text\n*.onnx filter"));
  const auto artifact = models_->as_artifact("default", one.version);
  ASSERT_OK(artifact);
  auto again = version();
  again.content = store_->materialize(*artifact).value();
  const auto same = models_->add_version(again);
  ASSERT_OK(same);
  EXPECT_FALSE(same->created);
}

TEST_F(Register, NeverUsesANumberTwice) {
  ASSERT_OK(models_->add_version(version()));
  write("head.onnx", "two");
  ASSERT_OK(models_->add_version(version()));
  // The state after v2 was deleted: its tag is under refs/deleted.
  const auto file = models_->path_of("default", "stamps") / "packed-refs";
  auto refs = read(file);
  refs.replace(refs.find("refs/tags/v2"), 12, "refs/deleted/v2");
  ASSERT_OK(os::write_file(file, refs));
  write("head.onnx", "three");
  EXPECT_EQ(models_->add_version(version())->version.number, 3);
}

TEST_F(Register, PacksManyVersionsTogether) {
  for (int i = 1; i <= 5; ++i) {
    write("head.onnx", "weights " + std::to_string(i));
    ASSERT_EQ(models_->add_version(version())->version.number, i);
  }
  const auto repository = models_->path_of("default", "stamps");
  const auto packs = [&] {
    std::size_t count = 0;
    for (const auto& entry : fs::directory_iterator(repository / "objects/pack"))
      count += entry.path().extension() == ".pack" ? 1 : 0;
    return count;
  };
  EXPECT_EQ(packs(), 5U);
  // A reader that has the old packs open continues to work.
  const git::Objects reader(repository);
  ASSERT_OK(git::merge_packs(repository, 5, git::MergeLock::Wait::yes, {}));
  EXPECT_EQ(packs(), 5U);
  const auto all = reader.all().value();
  ASSERT_OK(git::merge_packs(repository, 4, git::MergeLock::Wait::yes, {}));
  EXPECT_EQ(packs(), 1U);
  for (const auto& oid : all) ASSERT_OK(reader.read(oid));
  EXPECT_EQ(git::Objects(repository).all()->size(), all.size());
  EXPECT_EQ(fsck("stamps"), "");
  EXPECT_EQ(ModelsTest::git("stamps", "rev-list --count main"), "5\n");
  ASSERT_OK(
      git::merge_packs(repository, 0, git::MergeLock::Wait::yes, {}));  // nothing to do: the same pack again
  EXPECT_EQ(fsck("stamps"), "");
}

TEST_F(Register, AcceptsAnyNameInUtf8) {
  const std::string names[] = {"two words",
                               "-rf",
                               "..",
                               ".git",
                               "a/b",
                               "line\nbreak: x",
                               "x.lock",
                               "modèle 😀",
                               std::string(4000, 'n'),
                               std::string("nul\0byte", 8),
                               "%41",
                               "a=b",
                               "--upload-pack=touch x",
                               "$(touch x)",
                               "'\""};
  for (const auto& name : names) {
    const auto registered = models_->add_version(version(name));
    ASSERT_OK(registered);
    EXPECT_EQ(registered->version.model, name);
    EXPECT_EQ(models_->resolve("default", name, "champion")->number, 1);
    EXPECT_EQ(fsck(name), "") << name;
    EXPECT_EQ(models_->path_of("default", name).parent_path(), root_->path() / "data/models/default");
    EXPECT_EQ(git(name, "log --oneline main | wc -l"), "1\n");
  }
  const auto listed = models_->models("default", {});
  ASSERT_OK(listed);
  EXPECT_THAT(*listed, testing::UnorderedElementsAreArray(names));
}

TEST_F(Register, KeepsWorkspacesApart) {
  auto elsewhere = version();
  elsewhere.principal.workspace = "../team";
  ASSERT_OK(models_->add_version(elsewhere));
  EXPECT_THAT(*models_->models("default", {}), IsEmpty());
  EXPECT_THAT(*models_->models("../team", {}), ElementsAre("stamps"));
  EXPECT_TRUE(fs::exists(root_->path() / "data/models/%2E%2E%2Fteam/stamps.git/HEAD"));
}

}  // namespace
}  // namespace sluice::stores
