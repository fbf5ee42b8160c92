#include <fcntl.h>
#include <unistd.h>

#include "result_assertions.hpp"
#include "scratch.hpp"

namespace sluice::os {
namespace {

using Folders = Scratch;
using test::value_of;

TEST_F(Folders, AreMadeWithTheirParents) {
  ASSERT_OK(make_directories(at("a/b/c")));
  EXPECT_OK(make_directories(at("a/b/c")));
  EXPECT_TRUE(os::exists(at("a/b/c")));
  ASSERT_OK(write_file(at("a/file"), ""));
  EXPECT_EQ(make_directories(at("a/file")).error().message,
            "cannot make folder " + at("a/file").string() + ": Not a directory");
  EXPECT_FALSE(make_directories(at("a/file/x")));
}

TEST_F(Folders, AreListedInOrderWithKinds) {
  ASSERT_OK(make_directories(at("d/b")));
  ASSERT_OK(write_file(at("d/a"), ""));
  ASSERT_EQ(symlink("a", at("d/c").c_str()), 0);
  const auto entries = list_directory(at("d"));
  ASSERT_EQ(entries->size(), 3U);
  EXPECT_EQ((*entries)[0].name, "a");
  EXPECT_EQ((*entries)[0].kind, DirectoryEntry::Kind::file);
  EXPECT_EQ((*entries)[1].kind, DirectoryEntry::Kind::directory);
  EXPECT_EQ((*entries)[2].kind, DirectoryEntry::Kind::symlink);
  EXPECT_EQ(list_directory(at("nothing")).error().code, Code::not_found);
}

TEST_F(Folders, TheFilesBelowOneAreListedByPath) {
  ASSERT_OK(make_directories(at("d/b/c/empty")));
  ASSERT_OK(write_file(at("d/b/c/file"), ""));
  ASSERT_OK(write_file(at("d/b.txt"), ""));
  ASSERT_EQ(symlink("b", at("d/link").c_str()), 0);
  const auto files = files_below(at("d"));
  ASSERT_OK(files);
  EXPECT_EQ(*files, (std::vector<std::filesystem::path>{"b/c/file", "b.txt", "link"}));
  EXPECT_TRUE(value_of(files_below(at("nothing"))).empty());
}

TEST_F(Folders, AreRemovedWithAllInThem) {
  ASSERT_OK(make_directories(at("d/a/b/c")));
  for (int i = 0; i < 100; ++i) ASSERT_OK(write_file(at("d/a/" + std::to_string(i)), "x"));
  EXPECT_OK(remove_tree(at("d")));
  EXPECT_FALSE(os::exists(at("d")));
  EXPECT_OK(remove_tree(at("d")));
}

TEST_F(Folders, RemovingNeverFollowsASymlink) {
  ASSERT_OK(make_directories(at("kept")));
  ASSERT_OK(write_file(at("kept/file"), "x"));
  ASSERT_OK(make_directories(at("d")));
  ASSERT_EQ(symlink(at("kept").c_str(), at("d/link").c_str()), 0);
  ASSERT_EQ(symlink(at("kept").c_str(), at("top").c_str()), 0);
  EXPECT_OK(remove_tree(at("d")));
  EXPECT_OK(remove_tree(at("top")));
  EXPECT_TRUE(os::exists(at("kept/file")));
  EXPECT_FALSE(os::exists(at("top")));
}

TEST_F(Folders, WithoutRightsAreRemovedToo) {
  ASSERT_OK(make_directories(at("d/closed")));
  ASSERT_OK(write_file(at("d/closed/file"), "x"));
  ASSERT_EQ(chmod(at("d/closed").c_str(), 0), 0);
  EXPECT_OK(remove_tree(at("d")));
  EXPECT_FALSE(os::exists(at("d")));
}

TEST_F(Folders, AbandonedEntriesAreRemoved) {
  const auto now = SystemClock().now();
  const auto make = [&](const std::string& name, std::chrono::hours age) {
    ASSERT_OK(make_directories(at("d/" + name + "/inner")));
    const timespec then{
        .tv_sec = std::chrono::floor<std::chrono::seconds>(now - age).time_since_epoch().count(),
        .tv_nsec = 0};
    const timespec times[]{then, then};
    ASSERT_EQ(utimensat(AT_FDCWD, at("d/" + name).c_str(), times, 0), 0);
  };
  make("new-young", std::chrono::hours(23));
  make("new-old", std::chrono::hours(25));
  make("old", std::chrono::hours(25));
  ASSERT_OK(remove_abandoned(at("d"), now, "new-"));
  EXPECT_TRUE(os::exists(at("d/new-young")));
  EXPECT_FALSE(os::exists(at("d/new-old")));
  EXPECT_TRUE(os::exists(at("d/old")));
  ASSERT_OK(remove_abandoned(at("d"), now));
  EXPECT_TRUE(os::exists(at("d/new-young")));
  EXPECT_FALSE(os::exists(at("d/old")));
  EXPECT_EQ(remove_abandoned(at("nothing"), now).error().code, Code::not_found);
}

TEST_F(Folders, ATemporaryOneGoesWithItsOwner) {
  std::filesystem::path path;
  std::filesystem::path kept;
  {
    auto folder = TemporaryDirectory::make(at(""), "x-");
    ASSERT_TRUE(folder);
    path = folder->path();
    EXPECT_TRUE(path.filename().string().starts_with("x-"));
    EXPECT_EQ(mode_of(path), 0700U);
    ASSERT_OK(write_file(path / "f", ""));
    auto moved = std::move(*folder);
    EXPECT_EQ(moved.path(), path);
    kept = TemporaryDirectory::make(at(""))->release();
  }
  EXPECT_FALSE(os::exists(path));
  EXPECT_TRUE(os::exists(kept));
  EXPECT_EQ(TemporaryDirectory::make(at("nothing")).error().code, Code::not_found);
  const auto in_tmp = TemporaryDirectory::make_in_tmp("y-");
  ASSERT_OK(in_tmp);
  EXPECT_EQ(in_tmp->path().parent_path(), std::filesystem::temp_directory_path());
}

}  // namespace
}  // namespace sluice::os
