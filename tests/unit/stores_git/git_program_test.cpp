#include "models_fixture.hpp"
#include "result_assertions.hpp"

namespace sluice::stores {
namespace {

using testing::HasSubstr;
using testing::Not;

/// Uses a model's repository with the real git and git-lfs.
class GitProgram : public ModelsTest {};

TEST_F(GitProgram, ClonesAWholeModelAndReadsItsHistory) {
  const std::string large(250'000, 'L');
  write("sub/odd name [1].bin", large);
  auto first = version();
  first.description = "Ten classes.";
  ASSERT_OK(models_->add_version(first));
  write("README.md", "---\ntask: image-classification\n---\n# Stamps, better\n");
  write("head.onnx", "the weights of the second version");
  ASSERT_OK(models_->add_version(version()));

  EXPECT_EQ(shell("git clone -q " + models_->path_of("default", "stamps").string() + " clone"), "");
  const auto clone = root_->path() / "clone";
  EXPECT_EQ(read(clone / "head.onnx"), "the weights of the second version");
  EXPECT_EQ(read(clone / "sub/odd name [1].bin"), large);
  EXPECT_EQ(read(clone / "provenance.json"), read(content() / "provenance.json"));
  EXPECT_EQ(shell("cd clone && git status --porcelain"), "");
  EXPECT_EQ(shell("cd clone && git lfs fsck"), "Git LFS fsck OK\n");
  EXPECT_EQ(shell("cd clone && git tag"), "v1\nv2\n");
  EXPECT_EQ(shell("cd clone && git log --format='%an %s'"), "default stamps v2\ndefault stamps v1\n");
  EXPECT_THAT(shell("cd clone && git show v1"), HasSubstr("stamps v1\n\nTen classes.\n"));
  const auto diff = shell("cd clone && git diff v1 v2");
  EXPECT_THAT(diff, HasSubstr("-# Stamps\n+# Stamps, better\n"));
  EXPECT_THAT(diff, HasSubstr("head.onnx"));
  EXPECT_THAT(diff, Not(HasSubstr("provenance.json")));
  EXPECT_EQ(shell("cd clone && git checkout -q v1 && cat head.onnx"), "the weights of the first version");
  EXPECT_EQ(shell("git -C clone fsck --strict --no-dangling"), "");
}

TEST_F(GitProgram, FetchesAnAliasAndTheRegistry) {
  ASSERT_OK(models_->add_version(version()));
  EXPECT_EQ(shell("git init -q w && cd w && git fetch -q " + models_->path_of("default", "stamps").string() +
                  " refs/aliases/champion && git log -1 --format=%s FETCH_HEAD"),
            "stamps v1\n");
  EXPECT_THAT(shell("git -C w fetch -q " + models_->path_of("default", "stamps").string() +
                    " refs/meta/registry && git -C w log -1 --format=%s FETCH_HEAD"),
              HasSubstr("version v1"));
}

TEST_F(GitProgram, FindsTheModelStillWholeAfterTheDataFolderHasMoved) {
  ASSERT_OK(models_->add_version(version()));
  fs::rename(root_->path() / "data", root_->path() / "moved");
  EXPECT_EQ(shell("git clone -q moved/models/default/stamps.git clone && cat clone/head.onnx"),
            "the weights of the first version");
}

TEST_F(GitProgram, FindsObjectsThatLieElsewhere) {
  const auto store =
      DirectoryObjectStore::open(root_->path() / "far/off/objects", root_->path() / "far/cache", clock_);
  ASSERT_OK(store);
  const auto models = open_models(**store);
  ASSERT_OK(models->add_version(version()));
  EXPECT_EQ(fs::read_symlink(models->path_of("default", "stamps") / "lfs/objects"),
            fs::canonical(root_->path() / "far/off/objects"));
  EXPECT_EQ(shell("git clone -q data/models/default/stamps.git clone && cat clone/head.onnx"),
            "the weights of the first version");
}

}  // namespace
}  // namespace sluice::stores
