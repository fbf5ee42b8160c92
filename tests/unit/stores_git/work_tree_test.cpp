#include "sluice/stores/git/work_tree.hpp"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "result_assertions.hpp"
#include "sluice/os/files.hpp"
#include "sluice/os/process.hpp"

namespace sluice::stores::git {
namespace {

namespace fs = std::filesystem;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

/// A work tree that the real git made.
class WorkTrees : public testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(std::system(("git init -q " + root().string()).c_str()), 0); }
  [[nodiscard]] fs::path root() const { return folder_.path() / "tree"; }
  void write(const std::string& name, std::string_view text = "x") const {
    fs::create_directories((root() / name).parent_path());
    ASSERT_OK(os::write_file(root() / name, text));
  }
  void git(const std::string& command) const {
    ASSERT_EQ(std::system(("git -C " + root().string() + " " + command).c_str()), 0);
  }

  os::TemporaryDirectory folder_ =
      os::TemporaryDirectory::make(fs::temp_directory_path(), "work-tree-").value();
};

TEST_F(WorkTrees, IgnoreWhatGitIgnores) {
  write(".gitignore", "*.log\nbuild/\n!keep.log\n");
  for (const auto* name : {"a.py", "a.log", "keep.log", "src/b.log", "src/b.py", "build/x/y", "src/build/z"})
    write(name);
  write("src/.gitignore", "local\n");
  write("src/local");
  write(".git/info/exclude", "/secret\n");
  write("secret");
  EXPECT_THAT(test::value_of(ignored_in_work_tree(root())),
              UnorderedElementsAre("a.log", "src/b.log", "build", "src/build", "src/local", "secret"));
  EXPECT_THAT(test::value_of(ignored_in_work_tree(root() / "src")),
              UnorderedElementsAre("b.log", "build", "local"));
  EXPECT_THAT(test::value_of(ignored_in_work_tree(root() / "src/.")),
              UnorderedElementsAre("b.log", "build", "local"));
}

TEST_F(WorkTrees, KeepWhatGitTracks) {
  write(".gitignore", "*.log\n");
  write("a.log");
  write("b.log");
  git("add -f a.log");
  EXPECT_THAT(test::value_of(ignored_in_work_tree(root())), UnorderedElementsAre("b.log"));
}

TEST_F(WorkTrees, OutsideOfOneNothingIsIgnored) {
  ASSERT_OK(os::make_directories(folder_.path() / "plain"));
  ASSERT_OK(os::write_file(folder_.path() / "plain/.gitignore", "*\n"));
  EXPECT_THAT(test::value_of(ignored_in_work_tree(folder_.path() / "plain")), IsEmpty());
  write(".gitignore", "/all\n");
  write("all/a");  // the folder itself is ignored: its files are what the person has given
  EXPECT_THAT(test::value_of(ignored_in_work_tree(root() / "all")), IsEmpty());
}

TEST_F(WorkTrees, StartNoProgramThatTheirConfigurationNames) {
  write(".gitignore", "*.log\n");
  write("a.log");
  write("b.py");
  git("add b.py");
  write("b.py", "changed");
  const auto started = folder_.path() / "started";
  ASSERT_OK(
      os::write_file(folder_.path() / "program", "#!/bin/sh\ntouch " + started.string() + "\ncat\n", 0755));
  write(".gitattributes", "* filter=f\n");
  for (const auto* key : {"core.fsmonitor", "filter.f.clean", "filter.f.process", "core.editor"})
    git(std::string("config ") + key + " " + (folder_.path() / "program").string());
  EXPECT_THAT(test::value_of(ignored_in_work_tree(root())), UnorderedElementsAre("a.log"));
  EXPECT_FALSE(fs::exists(started));
}

}  // namespace
}  // namespace sluice::stores::git
