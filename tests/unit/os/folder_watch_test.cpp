#include "sluice/os/folder_watch.hpp"

#include <filesystem>

#include <gmock/gmock.h>

#include "scratch.hpp"

namespace sluice::os {
namespace {

using testing::Optional;
using testing::UnorderedElementsAre;

class FolderWatching : public Scratch {};

TEST_F(FolderWatching, NoticesWhatIsCreatedRenamedAndRemoved) {
  const auto folder = at("folder");
  ASSERT_TRUE(make_directories(folder));
  ASSERT_TRUE(write_file(folder / "before", ""));
  auto watch = FolderWatch::begin(folder);
  ASSERT_TRUE(watch) << watch.error().message;
  EXPECT_THAT(watch->changes(), Optional(UnorderedElementsAre()));
  ASSERT_TRUE(make_directories(folder / "made"));
  ASSERT_TRUE(write_file(folder / "made" / "inside", ""));
  std::filesystem::rename(folder / "before", folder / "after");
  EXPECT_THAT(watch->changes(), Optional(UnorderedElementsAre("made", "before", "after")));
  ASSERT_TRUE(remove_tree(folder / "made"));
  EXPECT_THAT(watch->changes(), Optional(UnorderedElementsAre("made")));
}

TEST_F(FolderWatching, SaysWhenChangesMayBeMissing) {
  const auto folder = at("folder");
  ASSERT_TRUE(make_directories(folder));
  auto moved = FolderWatch::begin(folder);
  ASSERT_TRUE(moved);
  std::filesystem::rename(folder, at("elsewhere"));
  EXPECT_EQ(moved->changes(), std::nullopt);
  auto removed = FolderWatch::begin(at("elsewhere"));
  ASSERT_TRUE(removed);
  ASSERT_TRUE(remove_tree(at("elsewhere")));
  EXPECT_EQ(removed->changes(), std::nullopt);
}

TEST_F(FolderWatching, NeedsAFolder) {
  EXPECT_EQ(FolderWatch::begin(at("nothing")).error().code, Code::not_found);
  ASSERT_TRUE(write_file(at("file"), ""));
  EXPECT_FALSE(FolderWatch::begin(at("file")));
}

}  // namespace
}  // namespace sluice::os
