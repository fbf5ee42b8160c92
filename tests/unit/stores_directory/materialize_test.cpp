#include <thread>

#include <sys/wait.h>
#include <unistd.h>

#include "result_assertions.hpp"
#include "store_fixture.hpp"

namespace sluice::stores {
namespace {

class Materialized : public StoreTest {
 protected:
  ports::Stored some_folder() {
    write("in/a", "one");
    write("in/sub/b", "two", 0755);
    return store_->put_directory(outside_ / "in", {}).value();
  }
};

TEST_F(Materialized, CopiesAreReadOnlyAndCreatedOnce) {
  const auto stored = some_folder();
  const auto path = store_->materialize(folder(stored));
  ASSERT_OK(path);
  EXPECT_EQ(read(*path / "a"), "one");
  EXPECT_EQ(read(*path / "sub/b"), "two");
  EXPECT_EQ(fs::status(*path / "a").permissions(), fs::perms{0444});
  EXPECT_EQ(fs::status(*path / "sub/b").permissions(), fs::perms{0555});
  EXPECT_EQ(fs::status(*path).permissions(), fs::perms{0555});
  struct stat before{};
  ASSERT_EQ(stat((*path / "a").c_str(), &before), 0);
  EXPECT_EQ(before.st_nlink, 1U);  // never a link into the store
  EXPECT_EQ(open()->materialize(folder(stored)).value(), *path);
  struct stat after{};
  ASSERT_EQ(stat((*path / "a").c_str(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino);
  EXPECT_TRUE(fs::is_empty(cache() / "tmp"));
}

TEST_F(Materialized, CopiesOfADeadProcessAreRemovedADayLater) {
  ASSERT_OK(os::make_directories(cache() / "tmp/left/tree"));
  ASSERT_OK(os::write_file(cache() / "tmp/left/tree/half", "a", 0444));
  fs::permissions(cache() / "tmp/left/tree", fs::perms{0555});
  open();
  EXPECT_TRUE(fs::exists(cache() / "tmp/left"));
  clock_.ahead = std::chrono::hours(25);
  open();
  EXPECT_TRUE(fs::is_empty(cache() / "tmp"));
}

TEST_F(Materialized, AFileIsAFile) {
  const auto path = store_->materialize(file(store_->put("bytes").value()));
  ASSERT_OK(path);
  EXPECT_EQ(read(*path), "bytes");
  EXPECT_EQ(fs::status(*path).permissions(), fs::perms{0444});
}

TEST_F(Materialized, ModifiedCopiesAreCreatedAgain) {
  const auto stored = some_folder();
  const auto path = store_->materialize(folder(stored)).value();
  const auto expect_whole = [&](const char* what) {
    const auto again = store_->materialize(folder(stored));
    ASSERT_OK(again);
    EXPECT_EQ(*again, path) << what;
    EXPECT_EQ(read(path / "a"), "one") << what;
    EXPECT_EQ(read(path / "sub/b"), "two") << what;
    EXPECT_FALSE(fs::exists(path / "sub/new")) << what;
  };
  tamper(path / "a", "ONE");
  expect_whole("changed");
  ASSERT_EQ(chmod((path / "sub").c_str(), 0755), 0);
  ASSERT_OK(os::write_file(path / "sub/new", "x"));
  expect_whole("added");
  ASSERT_EQ(chmod(path.c_str(), 0755), 0);
  fs::remove(path / "a");
  expect_whole("removed");
  tamper(path / "a", "ONE");
  tamper(path.parent_path() / "manifest", "sluice layout 1\nend\n");
  expect_whole("an empty manifest");
  ASSERT_OK(os::remove_tree(cache()));
  expect_whole("cache deleted");
}

TEST_F(Materialized, AFolderWithALostFileFailsByName) {
  const auto stored = some_folder();
  fs::remove(store_->path_of(Digest::of("two")));
  const auto path = store_->materialize(folder(stored));
  ASSERT_FALSE(path);
  EXPECT_EQ(path.error().code, Code::not_found);
  EXPECT_THAT(path.error().message, testing::HasSubstr(Digest::of("two").hex()));
  EXPECT_TRUE(fs::is_empty(cache() / "tmp"));
}

TEST_F(Materialized, ByManyThreadsAndProcessesAtOnce) {
  for (int i = 0; i < 50; ++i)
    write("in/f" + std::to_string(i), std::string(1000, static_cast<char>('a' + i % 26)));
  const auto stored = store_->put_directory(outside_ / "in", {}).value();
  std::vector<pid_t> children;
  for (int p = 0; p < 3; ++p) {
    const auto pid = fork();
    ASSERT_GE(pid, 0);
    if (pid == 0) {
      const auto mine = DirectoryObjectStore::open(objects(), cache(), clock_);
      const auto path = (*mine)->materialize(folder(stored));
      _exit(path && read(*path / "f49").size() == 1000 ? 0 : 1);
    }
    children.push_back(pid);
  }
  std::atomic<int> failures{0};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&] {
        const auto path = store_->materialize(folder(stored));
        if (!path || read(*path / "f0").size() != 1000) ++failures;
      });
  }
  EXPECT_EQ(failures, 0);
  for (const auto pid : children) {
    int status = 0;
    ASSERT_EQ(waitpid(pid, &status, 0), pid);
    EXPECT_EQ(status, 0);
  }
  EXPECT_TRUE(fs::is_empty(cache() / "tmp"));
}

}  // namespace
}  // namespace sluice::stores
