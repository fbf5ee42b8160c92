#include <atomic>
#include <thread>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "models_fixture.hpp"
#include "result_assertions.hpp"

namespace sluice::stores {
namespace {

class Together : public ModelsTest {
 protected:
  /// A version with a content folder of its own.
  [[nodiscard]] ports::NewVersion version_with(const std::string& name, const std::string& weights) const {
    auto wanted = version();
    wanted.content = root_->path() / name;
    fs::create_directories(wanted.content);
    EXPECT_OK(os::write_file(wanted.content / "README.md", "card"));
    EXPECT_OK(os::write_file(wanted.content / "head.onnx", weights));
    return wanted;
  }
};

TEST_F(Together, AnUnfinishedRepositoryOfADeadProcessIsRemovedADayLater) {
  const auto left = models_->path_of("default", "stamps").parent_path() / ".new-left";
  ASSERT_OK(os::make_directories(left / "objects"));
  open_models(*store_);
  EXPECT_TRUE(fs::exists(left));
  fs::last_write_time(left, fs::file_time_type::clock::now() - std::chrono::hours(25));
  open_models(*store_);
  EXPECT_FALSE(fs::exists(left));
}

TEST_F(Together, TwoProcessesAndTheirThreadsRegisterWithoutLosingAny) {
  constexpr int each = 5;
  std::vector<pid_t> children;
  for (int p = 0; p < 2; ++p) {
    const auto pid = fork();
    ASSERT_GE(pid, 0);
    if (pid == 0) {
      const auto store = open_store();
      const auto models = open_models(*store);
      std::atomic<int> failures{0};
      {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 2; ++t)
          threads.emplace_back([&, t] {
            for (int i = 0; i < each; ++i) {
              const auto name = std::to_string(p) + "-" + std::to_string(t) + "-" + std::to_string(i);
              if (!models->add_version(version_with(name, "weights " + name))) ++failures;
            }
          });
      }
      _exit(failures);
    }
    children.push_back(pid);
  }
  for (const auto pid : children) {
    int status = 0;
    ASSERT_EQ(waitpid(pid, &status, 0), pid);
    EXPECT_EQ(status, 0);
  }
  const auto versions = models_->numbers("default", "stamps");
  ASSERT_OK(versions);
  ASSERT_EQ(versions->size(), 4U * each);
  EXPECT_EQ(versions->front(), 4 * each);
  EXPECT_EQ(fsck("stamps"), "");
  EXPECT_EQ(git("stamps", "rev-list --count main"), "20\n");
  for (const auto& entry : fs::directory_iterator(root_->path() / "data/models/default"))
    EXPECT_EQ(entry.path().filename(), "stamps.git");
}

// A kill at any moment: before, during and after each write of a file. The repository is consistent
// afterwards, and usable.
TEST_F(Together, AKillAtAnyMomentLeavesAWholeRepository) {
  std::int64_t before = 0;
  for (int round = 0; round < 12; ++round) {
    const auto pid = fork();
    ASSERT_GE(pid, 0);
    if (pid == 0) {
      const auto store = open_store();
      const auto models = open_models(*store);
      for (int i = 0;; ++i) {
        const auto text = std::to_string(round) + "-" + std::to_string(i);
        if (!models->add_version(version_with("killed", text))) _exit(1);
      }
    }
    std::this_thread::sleep_for(std::chrono::microseconds(6000 + 3137 * round));
    kill(pid, SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(pid, &status, 0), pid);
    ASSERT_TRUE(WIFSIGNALED(status));
    const auto known = models_->models("default", {});
    ASSERT_OK(known);
    if (known->empty()) continue;  // killed before the first version: then there is no model either
    EXPECT_EQ(fsck("stamps"), "");
    const auto found = models_->versions("default", "stamps", {.limit = SIZE_MAX});
    ASSERT_OK(found);
    const auto* versions = &found->page;
    ASSERT_FALSE(versions->empty());
    EXPECT_GE(versions->front().number, before);
    EXPECT_EQ(versions->front().number, static_cast<std::int64_t>(versions->size()));
    for (const auto& version : *versions) ASSERT_OK(models_->as_artifact("default", version));
    EXPECT_EQ(models_->resolve("default", "stamps", "champion")->number, versions->front().number);
    before = versions->front().number;
  }
  const auto next = models_->add_version(version_with("after", "after"));
  ASSERT_OK(next);
  EXPECT_EQ(next->version.number, before + 1);
  EXPECT_EQ(fsck("stamps"), "");
  for (const auto& entry : fs::directory_iterator(models_->path_of("default", "stamps")))
    EXPECT_FALSE(entry.path().filename().string().starts_with("new-")) << entry.path();
}

}  // namespace
}  // namespace sluice::stores
