#include "models_fixture.hpp"
#include "result_assertions.hpp"

namespace sluice::stores {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class Import : public ModelsTest {
 protected:
  void SetUp() override {
    ModelsTest::SetUp();
    // A repository as a script with git would create it: a bare repository, its git-lfs objects as plain
    // files.
    const auto made = shell(
        "git init -q work && cd work && git lfs track '*.onnx' > /dev/null && printf weights > base.onnx && "
        "echo card > README.md &&"
        "git add . && git commit -q -m 'base model' && git tag -a v1 -m 'As published.' &&"
        "cd .. && git clone -q --bare work base.git && mkdir -p base.git/lfs && cp -r work/.git/lfs/objects "
        "base.git/lfs/");
    ASSERT_EQ(made, "");
  }
  [[nodiscard]] fs::path source() const { return root_->path() / "base.git"; }
  [[nodiscard]] fs::path lfs_object() const {
    const auto hex = Digest::of("weights").hex();
    return source() / "lfs/objects" / hex.substr(0, 2) / hex.substr(2, 2) / hex;
  }
};

TEST_F(Import, CreatesAnOrdinaryModel) {
  ASSERT_OK(models_->import_repository("default", "efficientnet-lite0", source()));
  EXPECT_THAT(*models_->models("default", {}), ElementsAre("efficientnet-lite0"));
  const auto imported = models_->resolve("default", "efficientnet-lite0", "");
  ASSERT_OK(imported);
  EXPECT_EQ(imported->number, 1);
  EXPECT_EQ(imported->description, "As published.");
  EXPECT_EQ(imported->user, "Tester <tester@example.org>");
  EXPECT_EQ(imported->commit + "\n", shell("git -C base.git rev-parse main"));
  EXPECT_EQ(models_->read("default", *imported, "base.onnx").value(), "weights");
  EXPECT_EQ(fsck("efficientnet-lite0"), "");
  EXPECT_TRUE(fs::is_symlink(models_->path_of("default", "efficientnet-lite0") / "lfs/objects"));
  EXPECT_THAT(git("efficientnet-lite0", "log --format=%s refs/meta/registry"),
              HasSubstr("model efficientnet-lite0, version v1"));
  EXPECT_EQ(shell("git clone -q data/models/default/efficientnet-lite0.git clone && cat clone/base.onnx"),
            "weights");
  // It is like any other model: versions can be added, and a second import does nothing.
  ASSERT_OK(models_->add_version(version("efficientnet-lite0")));
  ASSERT_OK(models_->import_repository("default", "efficientnet-lite0", source()));
  EXPECT_EQ(models_->numbers("default", "efficientnet-lite0")->size(), 2U);
}

TEST_F(Import, RefusesLargeFilesThatHaveChanged) {
  fs::permissions(lfs_object(), fs::perms{0644});
  ASSERT_OK(os::write_file(lfs_object(), "weightS"));
  const auto imported = models_->import_repository("default", "base", source());
  ASSERT_FALSE(imported);
  EXPECT_THAT(imported.error().message, HasSubstr(lfs_object().string() + ": digest mismatch: expected"));
  EXPECT_TRUE(models_->models("default", {})->empty());
}

TEST_F(Import, RefusesAModelWithoutItsLargeFiles) {
  fs::remove(lfs_object());
  const auto imported = models_->import_repository("default", "base", source());
  ASSERT_FALSE(imported);
  EXPECT_EQ(imported.error().message, source().string() + ": `base.onnx` of v1 is git-lfs object " +
                                          Digest::of("weights").hex() +
                                          ", which is not under lfs/objects; create this repository again");
  EXPECT_TRUE(models_->models("default", {})->empty());
}

TEST_F(Import, RefusesARepositoryWithoutVersions) {
  EXPECT_THAT(shell("git -C base.git tag -d v1"), HasSubstr("Deleted tag"));
  const auto imported = models_->import_repository("default", "base", source());
  ASSERT_FALSE(imported);
  EXPECT_EQ(imported.error().message,
            source().string() + ": has no version; tag a commit with `git tag -a v1` first");
}

TEST_F(Import, NamesAMissingRepository) {
  const auto imported = models_->import_repository("default", "base", root_->path() / "nowhere.git");
  ASSERT_FALSE(imported);
  EXPECT_THAT(imported.error().message, HasSubstr("nowhere.git"));
  EXPECT_TRUE(models_->models("default", {})->empty());
}

TEST_F(Import, KeepsAnotherBranchNameAndARegistryOfOurs) {
  EXPECT_EQ(shell("git -C base.git branch -m main trunk"), "");
  ASSERT_OK(models_->import_repository("default", "one", source()));
  EXPECT_EQ(git("one", "rev-parse main"), shell("git -C base.git rev-parse trunk"));
  // One of our repositories, imported under another name.
  ASSERT_OK(models_->set_alias("default", "one", "stable", 1, {}, {}));
  ASSERT_OK(models_->import_repository("default", "two", models_->path_of("default", "one")));
  EXPECT_EQ(models_->resolve("default", "two", "stable")->number, 1);
  EXPECT_EQ(fsck("two"), "");
}

}  // namespace
}  // namespace sluice::stores
