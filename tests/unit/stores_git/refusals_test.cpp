#include <sys/stat.h>

#include "models_fixture.hpp"
#include "result_assertions.hpp"

namespace sluice::stores {
namespace {

using testing::HasSubstr;

class Refusals : public ModelsTest {
 protected:
  std::string refusal(const ports::NewVersion& wanted) {
    return test::message_of(models_->add_version(wanted));
  }
  std::string refusal() { return refusal(version()); }
};

TEST_F(Refusals, NameTheFile) {
  const auto at = [&](const std::string& name) { return (content() / name).string(); };
  fs::create_symlink("README.md", content() / "link");
  EXPECT_EQ(refusal(),
            at("link") + ": a symlink; a model holds files only, put a copy of the target in its place");
  fs::remove(content() / "link");
  ASSERT_EQ(mkfifo(at("pipe").c_str(), 0600), 0);
  EXPECT_EQ(refusal(), at("pipe") + ": not a file; remove it from the model's folder");
  fs::remove(content() / "pipe");
  for (const std::string name : {".git", ".GIT", "sub/git~1", ".gitmodules"}) {
    write(name + (name == ".gitmodules" ? "" : "/config"), "x");
    EXPECT_EQ(refusal(), at(name) + ": git reserves this name; remove it from the model's folder");
    fs::remove_all(content() / name);
  }
  const std::string pointer =
      "version https://git-lfs.github.com/spec/v1\noid sha256:" + Digest::of("secret").hex() + "\nsize 6\n";
  for (const auto* name : {"stolen.onnx", "notes.txt"}) {
    write(name, pointer);
    EXPECT_EQ(refusal(), at(name) + ": a git-lfs pointer, not the file itself; fetch it with `git lfs pull`");
    fs::remove(content() / name);
  }
  write("\xff", "x");
  EXPECT_EQ(refusal(), at("%FF") + ": the name is not UTF-8; rename it");
  fs::remove(content() / "\xff");
  EXPECT_EQ(refusal(), "");
}

TEST_F(Refusals, LeaveNothingBehind) {
  fs::create_symlink("README.md", content() / "link");
  EXPECT_NE(refusal(), "");
  EXPECT_TRUE(models_->models("default", {})->empty());
  auto nothing = version();
  nothing.content = root_->path() / "nowhere";
  EXPECT_THAT(refusal(nothing), HasSubstr("nowhere"));
  fs::create_directories(root_->path() / "hollow/inner");
  nothing.content = root_->path() / "hollow";
  EXPECT_EQ(refusal(nothing), (root_->path() / "hollow").string() +
                                  ": the folder contains no file; a version needs at least one");
}

TEST_F(Refusals, OfNamesAndAliasesSayWhatIsWanted) {
  EXPECT_EQ(refusal(version("")), "the model's name must not be empty");
  EXPECT_EQ(refusal(version("\xff")), "the model's name `%FF` is not UTF-8; rename it");
  auto wanted = version();
  wanted.alias = "v3";
  EXPECT_EQ(refusal(wanted), "alias `v3` is reserved for a version; give it a name such as `champion`");
  wanted.alias = "latest";
  EXPECT_EQ(refusal(wanted), "alias `latest` is reserved for a version; give it a name such as `champion`");
  wanted.alias = "a\nb";
  EXPECT_EQ(refusal(wanted), "alias `a%0Ab` must be one line of at most 255 characters in UTF-8");
  ASSERT_OK(models_->add_version(version()));
  EXPECT_EQ(models_->set_alias("default", "stamps", "", 1, {}, {}).error().message,
            "alias `` is empty; give it a name such as `champion`");
  EXPECT_EQ(models_->set_alias("default", "stamps", "best", 7, {}, {}).error().message,
            "model `stamps` has no version `v7`; it has v1");
  EXPECT_EQ(models_->set_alias("default", "stmps", "best", 1, {}, {}).error().message,
            "there is no model `stmps` in workspace `default`; did you mean `stamps`?");
}

TEST_F(Refusals, OfARepositoryThatAnotherProgramWroteTo) {
  ASSERT_OK(models_->add_version(version()));
  const auto repository = models_->path_of("default", "stamps").string();
  EXPECT_EQ(git("stamps", "update-ref refs/heads/other main"), "");
  write("head.onnx", "two");
  EXPECT_EQ(refusal(), repository + ": another program wrote refs/heads/other; pack it with `git -C " +
                           repository + " pack-refs --all`");
  // The remedy that the message names.
  EXPECT_EQ(git("stamps", "pack-refs --all"), "");
  EXPECT_EQ(refusal(), "");
  EXPECT_EQ(fsck("stamps"), "");
  EXPECT_THAT(git("stamps", "for-each-ref"), HasSubstr("refs/heads/other"));
}

TEST_F(Refusals, OfAPushLeaveTheRepositoryAsItIs) {
  ASSERT_OK(models_->add_version(version()));
  const auto before = git("stamps", "for-each-ref");
  const auto pushed = shell("git clone -q " + models_->path_of("default", "stamps").string() +
                            " work && cd work && git commit -q --allow-empty -m x && git push origin main");
  EXPECT_THAT(pushed, HasSubstr("deny updating a hidden ref"));
  EXPECT_EQ(git("stamps", "for-each-ref"), before);
}

}  // namespace
}  // namespace sluice::stores
