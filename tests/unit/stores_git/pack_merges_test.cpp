// Merging packs while others read and change the repository.
#include "sluice/stores/git/pack_merges.hpp"

#include <algorithm>
#include <set>
#include <thread>

#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "models_fixture.hpp"
#include "result_assertions.hpp"
#include "sluice/stores/git/bare_repository.hpp"
#include "sluice/stores/git/model_repositories.hpp"
#include "sluice/stores/git/objects.hpp"
#include "waiting.hpp"

namespace sluice::stores {
namespace {

using git::MergeLock;
using git::PackMerges;

class Merging : public ModelsTest {
 protected:
  [[nodiscard]] fs::path repository() const { return models_->path_of("default", "stamps"); }
  [[nodiscard]] fs::path packs_folder() const { return repository() / "objects/pack"; }

  [[nodiscard]] std::vector<fs::path> files(const std::string& extension) const {
    std::vector<fs::path> out;
    for (const auto& entry : fs::directory_iterator(packs_folder()))
      if (entry.path().extension() == extension) out.push_back(entry.path());
    std::ranges::sort(out);
    return out;
  }
  [[nodiscard]] std::size_t packs() const { return files(".pack").size(); }
  /// Folders in which packs are merged.
  [[nodiscard]] std::vector<fs::path> merge_folders() const {
    std::vector<fs::path> out;
    for (const auto& entry : fs::directory_iterator(repository()))
      if (entry.path().filename().string().starts_with(git::merge_prefix)) out.push_back(entry.path());
    return out;
  }
  [[nodiscard]] bool merged_pack_is_written() const {
    return std::ranges::any_of(merge_folders(), [](const fs::path& folder) {
      return std::ranges::any_of(fs::directory_iterator(folder), [](const fs::directory_entry& entry) {
        return entry.path().extension() == ".idx";
      });
    });
  }
  [[nodiscard]] ports::NewVersion numbered(const std::string& number) const {
    auto out = version();
    out.content = root_->path() / ("content-" + number);
    fs::create_directories(out.content);
    EXPECT_OK(os::write_file(out.content / "README.md", "version " + number + "\n"));
    EXPECT_OK(os::write_file(out.content / "head.onnx", "the weights of version " + number));
    return out;
  }
  void add_versions(int first, int last) const {
    for (int i = first; i <= last; ++i) ASSERT_OK(models_->add_version(numbered(std::to_string(i))));
  }
  /// Packs of as many texts that no version has.
  void add_packs(std::size_t count, int texts) const {
    for (std::size_t pack = 0; pack < count; ++pack) {
      git::Objects objects(repository());
      for (int i = 0; i < texts; ++i)
        ASSERT_OK(objects.write(git::Objects::Kind::blob,
                                "a text that is long enough to be compared with others, " +
                                    std::to_string(pack) + " " + std::to_string(i * 7919)));
      ASSERT_OK(objects.flush());
    }
  }
  Result<void> merge(MergeLock::Wait wait = MergeLock::Wait::yes, const std::stop_token& stop = {}) const {
    return git::merge_packs(repository(), 1, wait, stop);
  }
  [[nodiscard]] std::vector<git::Oid> objects() const {
    auto all = test::value_of(git::Objects(repository()).all());
    std::ranges::sort(all);
    const auto repeated = std::ranges::unique(all);
    all.erase(repeated.begin(), repeated.end());
    return all;
  }
  void expect_whole(std::size_t versions) const {
    EXPECT_EQ(fsck("stamps"), "");
    const auto found = models_->versions("default", "stamps", {.limit = SIZE_MAX});
    ASSERT_OK(found);
    ASSERT_EQ(found->page.size(), versions);
    for (const auto& version : found->page) EXPECT_OK(models_->as_artifact("default", version));
    EXPECT_OK(models_->verify(
        [](const std::string& model, const std::string& why) { ADD_FAILURE() << model << ": " << why; }));
  }
};

TEST_F(Merging, IsDoneWhileTheLockOfTheRepositoryIsHeldAndTakesItAtTheEnd) {
  add_versions(1, PackMerges::packs_max);
  add_packs(1, 3);
  const auto before = files(".pack");
  ASSERT_EQ(before.size(), PackMerges::packs_max + 1);
  const auto all = objects();
  const git::Objects reader(repository());
  ASSERT_OK(reader.read(all.front()));
  PackMerges merges;
  {
    const auto changing = test::value_of(git::RepositoryLock::acquire(repository()));
    ASSERT_TRUE(changing);
    merges.changed(repository());
    test::wait_until([&] { return merged_pack_is_written(); });
    EXPECT_EQ(files(".pack"), before);
    EXPECT_EQ(objects(), all);
  }
  merges.wait();
  EXPECT_EQ(packs(), 1U);
  EXPECT_EQ(merge_folders(), std::vector<fs::path>());
  EXPECT_EQ(objects(), all);
  // One that has opened the old packs, some of them not yet.
  for (const auto& oid : all) EXPECT_OK(reader.read(oid));
  expect_whole(PackMerges::packs_max);
}

TEST_F(Merging, IsNoPartOfARegistration) {
  {
    const auto other =
        test::value_of(MergeLock::acquire(models_->path_of("default", ""), MergeLock::Wait::no));
    EXPECT_FALSE(other) << "there is no such repository";
  }
  add_versions(1, 1);
  {
    const auto other = test::value_of(MergeLock::acquire(repository(), MergeLock::Wait::no));
    ASSERT_TRUE(other);
    EXPECT_FALSE(test::value_of(MergeLock::acquire(repository(), MergeLock::Wait::no)));
    add_versions(2, 30);
    EXPECT_EQ(packs(), 30U);
    ASSERT_OK(merge(MergeLock::Wait::no));
    EXPECT_EQ(packs(), 30U);
  }
  // The next change wants it again. So does one that sets an alias.
  ASSERT_OK(models_->set_alias("default", "stamps", "first", 1, {}, {}));
  test::wait_until([&] { return packs() == 1; });
  expect_whole(30);
}

TEST_F(Merging, IsDoneAtOnceWhereThereAreFarTooManyPacks) {
  add_versions(1, 1);
  add_packs(PackMerges::packs_limit - 1, 1);
  ASSERT_EQ(packs(), PackMerges::packs_limit);
  const auto all = objects();
  {
    // A command that ends before its thread has begun: it leaves all of them.
    const auto other = test::value_of(MergeLock::acquire(repository(), MergeLock::Wait::no));
    PackMerges merges;
    merges.changed(repository());
  }
  EXPECT_EQ(packs(), PackMerges::packs_limit);
  add_packs(1, 2);
  PackMerges merges;
  merges.changed(repository());
  EXPECT_LE(packs(), 2U);
  EXPECT_EQ(objects().size(), all.size() + 1);
  expect_whole(1);
}

TEST_F(Merging, WaitsForAnotherOneThatMergesWhereThereAreFarTooManyPacks) {
  add_versions(1, 1);
  add_packs(PackMerges::packs_limit, 1);
  PackMerges merges;
  auto other = test::value_of(MergeLock::acquire(repository(), MergeLock::Wait::no));
  std::jthread changes([&] { merges.changed(repository()); });
  EXPECT_EQ(packs(), PackMerges::packs_limit + 1);
  other.reset();
  changes.join();
  EXPECT_LE(packs(), 2U);
}

TEST_F(Merging, RemovesWhatDeadOnesLeft) {
  add_versions(1, 3);
  const auto all = objects();
  // An older Sluice made no such file.
  ASSERT_TRUE(fs::remove(repository() / "merge.lock"));
  fs::create_directories(repository() / "merge-dead");
  ASSERT_OK(os::write_file(repository() / "merge-dead/pack-1.pack", "PACK"));
  // The holder of the other lock leaves it alone: it may belong to one that lives.
  add_versions(4, 4);
  ASSERT_TRUE(fs::exists(repository() / "merge-dead"));
  // Killed between the removal of a pack and that of its index.
  const auto orphan = files(".idx").front();
  fs::copy(orphan, root_->path() / "orphan");
  ASSERT_OK(merge());
  EXPECT_FALSE(fs::exists(repository() / "merge-dead"));
  EXPECT_TRUE(fs::exists(repository() / "merge.lock"));
  fs::copy(root_->path() / "orphan", orphan);
  EXPECT_EQ(packs(), 1U);
  expect_whole(4);
  add_versions(5, 6);
  ASSERT_OK(merge());
  EXPECT_EQ(files(".idx").size(), packs());
  for (const auto& oid : all) EXPECT_OK(git::Objects(repository()).read(oid));
  expect_whole(6);
}

TEST_F(Merging, GoesOnWhereItWasKilledAmongTheMovesOfFiles) {
  add_versions(1, 4);
  const auto all = objects();
  const auto old = files(".pack");
  const auto kept = root_->path() / "kept";
  fs::copy(packs_folder(), kept);
  ASSERT_OK(merge());
  ASSERT_EQ(packs(), 1U);
  const auto merged = files(".pack").front();
  // The new pack is in its place, its index is not; then both, with all old ones; then with some of them.
  const auto index = fs::path(merged).replace_extension(".idx");
  fs::rename(index, root_->path() / "index");
  for (const auto& entry : fs::directory_iterator(kept)) fs::copy(entry.path(), packs_folder());
  EXPECT_EQ(objects(), all);
  expect_whole(4);
  fs::rename(root_->path() / "index", index);
  EXPECT_EQ(objects(), all);
  expect_whole(4);
  fs::remove(old.front());
  EXPECT_EQ(objects(), all);
  ASSERT_OK(merge());
  EXPECT_EQ(packs(), 1U);
  EXPECT_EQ(files(".idx").size(), 1U);
  EXPECT_EQ(objects(), all);
  expect_whole(4);
}

TEST_F(Merging, DoesNothingWhereSomebodyElseRepacksMeanwhile) {
  add_versions(1, 4);
  const auto folder = test::value_of(os::TemporaryDirectory::make(repository(), git::merge_prefix));
  const auto replaced = test::value_of(git::Objects::merge_small_packs(repository(), folder.path(), {}));
  EXPECT_EQ(replaced.size(), 4U);
  const git::Objects reader(repository());
  EXPECT_EQ(git("stamps", "repack -a -d --quiet"), "");
  const auto after = files(".pack");
  EXPECT_FALSE(test::value_of(git::Objects::replace_packs(repository(), folder.path(), replaced)));
  EXPECT_EQ(files(".pack"), after);
  expect_whole(4);
}

TEST_F(Merging, OfOnePackIsNone) {
  add_versions(1, 1);
  const auto before = files(".pack");
  const auto folder = test::value_of(os::TemporaryDirectory::make(repository(), git::merge_prefix));
  EXPECT_EQ(test::value_of(git::Objects::merge_small_packs(repository(), folder.path(), {})),
            std::vector<fs::path>());
  EXPECT_EQ(files(".pack"), before);
}

TEST_F(Merging, ThatIsLongIsStopped) {
  add_versions(1, 1);
  add_packs(PackMerges::packs_max, 800);
  const auto before = files(".pack");
  const auto all = objects();
  std::stop_source stop;
  stop.request_stop();
  const auto stopped = merge(MergeLock::Wait::yes, stop.get_token());
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, Code::cancelled);
  EXPECT_EQ(merge_folders(), std::vector<fs::path>());
  EXPECT_EQ(files(".pack"), before);

  // In the middle of it. In a process of its own: libgit2 leaks the deltas that it has found so far.
  const auto pid = fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    {
      PackMerges merges;
      merges.changed(repository());
      test::wait_until([&] { return !merge_folders().empty(); });
    }
    _exit(merge_folders().empty() ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(objects(), all);
  expect_whole(1);
  PackMerges merges;
  merges.changed(repository());
  merges.wait();
  EXPECT_EQ(packs(), 1U);
  EXPECT_EQ(objects(), all);
}

TEST_F(Merging, IsNotCopiedWithTheRepository) {
  add_versions(1, 3);
  fs::create_directories(repository() / "merge-1");
  ASSERT_OK(os::write_file(repository() / "merge-1/pack-1.pack", "PACK"));
  const auto to = root_->path() / "backup";
  EXPECT_EQ(test::value_of(git::copy_repositories(root_->path() / "data/models", to)), 1);
  std::set<std::string> expected;
  std::set<std::string> copied;
  for (const auto& entry : fs::recursive_directory_iterator(repository()))
    if (const auto path = entry.path().lexically_relative(repository()); !path.string().starts_with("merge-"))
      expected.insert(path);
  for (const auto& entry : fs::recursive_directory_iterator(to / "default/stamps.git"))
    copied.insert(entry.path().lexically_relative(to / "default/stamps.git"));
  EXPECT_EQ(copied, expected);
  EXPECT_TRUE(copied.contains("merge.lock"));
  const auto mode = [](const fs::path& path) { return fs::status(path).permissions(); };
  EXPECT_EQ(mode(to / "default/stamps.git"), mode(repository()));
}

// Merges replace packs again and again while versions are read and made: no object is ever missing.
TEST_F(Merging, OfSeveralProcessesDisturbsNobody) {
  constexpr int each = 40;
  add_versions(1, 1);
  std::vector<pid_t> children;
  for (int p = 0; p < 2; ++p) {
    const auto pid = fork();
    ASSERT_GE(pid, 0);
    if (pid == 0) {
      const auto store = open_store();
      int failures = 0;
      {
        const auto models = open_models(*store);
        std::jthread merges([&](const std::stop_token& stop) {
          while (!stop.stop_requested())
            failures += git::merge_packs(repository(), 4, MergeLock::Wait::yes, {}) ? 0 : 1;
        });
        int failed = 0;
        for (int i = 0; i < each; ++i) {
          const auto added = models->add_version(numbered(std::to_string(p) + "-" + std::to_string(i)));
          if (!added || !models->as_artifact("default", added->version)) ++failed;
        }
        merges.request_stop();
        merges.join();
        failures += failed;
      }
      _exit(failures);
    }
    children.push_back(pid);
  }
  std::size_t ended = 0;
  while (ended < children.size()) {
    for (int status = 0; waitpid(-1, &status, WNOHANG) > 0; ++ended) EXPECT_EQ(status, 0);
    const auto found = models_->versions("default", "stamps", {.limit = SIZE_MAX});
    ASSERT_OK(found);
    for (const auto& version : found->page) ASSERT_OK(models_->files("default", version));
    EXPECT_EQ(git("stamps", "rev-list --objects --all --quiet"), "");
    ASSERT_OK(models_->verify(
        [](const std::string& model, const std::string& why) { ADD_FAILURE() << model << ": " << why; }));
  }
  expect_whole(2 * each + 1);
  EXPECT_EQ(git("stamps", "rev-list --count main"), std::to_string(2 * each + 1) + "\n");
}

TEST_F(Merging, KilledAtAnyMomentLeavesAWholeRepository) {
  add_versions(1, 5);
  for (int round = 0; round < 15; ++round) {
    const auto before = objects();
    // Before a flush, or before a merge, which goes on meanwhile.
    kill_after(round + 1, [&](const auto& step) {
      for (int i = 0;; ++i) {
        {
          const auto lock = git::RepositoryLock::acquire(repository());
          git::Objects more(repository());
          for (int text = 0; text < 20; ++text)
            if (!more.write(git::Objects::Kind::blob, fmt::format("{} {} {}", round, i, text))) _exit(1);
          step();
          if (!lock || !more.flush()) _exit(1);
        }
        step();
        if (!merge()) _exit(1);
      }
    });
    const auto after = objects();
    EXPECT_TRUE(std::ranges::includes(after, before));
    expect_whole(5);
  }
  const auto before = objects();
  add_versions(6, 6);
  ASSERT_OK(merge());
  EXPECT_TRUE(std::ranges::includes(objects(), before));
  EXPECT_EQ(merge_folders(), std::vector<fs::path>());
  expect_whole(6);
}

}  // namespace
}  // namespace sluice::stores
