#pragma once
#include <cstdio>
#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "result_assertions.hpp"
#include "sluice/base/clock.hpp"
#include "sluice/os/files.hpp"
#include "sluice/stores/directory/directory_object_store.hpp"
#include "sluice/stores/git/bare_repository.hpp"
#include "sluice/stores/git/git_model_repository.hpp"

namespace sluice::stores {

namespace fs = std::filesystem;

/// A data folder with an object store and models, and a folder `content` to register.
class ModelsTest : public testing::Test {
 protected:
  void SetUp() override {
    auto made = os::TemporaryDirectory::make(fs::temp_directory_path(), "sluice-test-");
    ASSERT_OK(made);
    root_ = std::make_unique<os::TemporaryDirectory>(std::move(*made));
    store_ = open_store();
    models_ = open_models(*store_);
    ASSERT_OK(os::write_file(
        root_->path() / "gitconfig",
        "[user]\n\tname = Tester\n\temail = tester@example.org\n[init]\n\tdefaultBranch = main\n"
        "[filter \"lfs\"]\n\tclean = git-lfs clean -- %f\n\tsmudge = git-lfs smudge -- %f\n"
        "\tprocess = git-lfs filter-process\n\trequired = true\n"));
    write("README.md", "---\ntask: image-classification\n---\n# Stamps\n");
    write("model.json", "{\"base\":\"efficientnet-lite0\"}\n");
    write("head.onnx", "the weights of the first version");
    write("provenance.json", "{\"run\":\"r1\"}\n");
  }
  [[nodiscard]] std::unique_ptr<DirectoryObjectStore> open_store() const {
    return test::value_of(
        DirectoryObjectStore::open(root_->path() / "data/objects", root_->path() / "data/cache", clock_));
  }
  std::unique_ptr<GitModelRepository> open_models(ports::ObjectStore& store) const {
    return test::value_of(GitModelRepository::open(root_->path() / "data/models", store, clock_));
  }
  [[nodiscard]] fs::path content() const { return root_->path() / "content"; }
  void write(const std::string& name, std::string_view bytes, mode_t mode = 0644) const {
    fs::create_directories((content() / name).parent_path());
    ASSERT_OK(os::write_file(content() / name, bytes, mode));
  }
  static std::string read(const fs::path& path) {
    auto bytes = os::read_file(path);
    return bytes ? *bytes : "<" + bytes.error().message + ">";
  }
  [[nodiscard]] ports::NewVersion version(const std::string& model = "stamps") const {
    return {.model = model,
            .principal = {},
            .content = content(),
            .description = "",
            .run_id = "",
            .source = "",
            .effect_key = "",
            .at = Time(Milliseconds(1'700'000'000'123))};
  }
  /// The output of the command, both streams, and its status if that is not 0. Ignores this machine's git
  /// settings.
  [[nodiscard]] std::string shell(const std::string& command) const {
    const auto full = "cd " + root_->path().string() + " && { export HOME=" + root_->path().string() +
                      " GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=" + (root_->path() / "gitconfig").string() +
                      " GIT_TERMINAL_PROMPT=0 GIT_LFS_PROGRESS= LC_ALL=C.UTF-8 GIT_PAGER=cat\n" + command +
                      "\n} 2>&1";
    std::FILE* pipe = popen(full.c_str(), "r");
    if (pipe == nullptr) return "<no shell>";
    std::string out;
    char buffer[4096];
    for (std::size_t n = 0; (n = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) out.append(buffer, n);
    if (const int status = pclose(pipe); status != 0) out += "<status " + std::to_string(status) + ">";
    return out;
  }
  [[nodiscard]] std::string git(const std::string& model, const std::string& arguments) const {
    return shell("git -C '" + models_->path_of("default", model).string() + "' " + arguments);
  }
  /// Empty if the repository is consistent.
  [[nodiscard]] std::string fsck(const std::string& model) const {
    // `git fsck` complains about packs that are replaced meanwhile.
    const auto lock = stores::git::MergeLock::acquire(models_->path_of("default", model),
                                                      stores::git::MergeLock::Wait::yes);
    EXPECT_OK(lock);
    return git(model, "fsck --strict --full --no-dangling");
  }

  /// Runs `work` in a process of its own, which is killed once it has called its argument so many times.
  template <typename Work>
  static void kill_after(int steps, Work work) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const os::UniqueFd reads(ends[0]);
    os::UniqueFd writes(ends[1]);
    const auto pid = fork();
    ASSERT_GE(pid, 0);
    if (pid == 0) {
      work([&writes] {
        constexpr char step = 's';
        if (::write(writes.get(), &step, 1) != 1) _exit(9);
      });
      _exit(1);
    }
    writes.reset();
    char step = 0;
    for (int i = 0; i < steps; ++i) EXPECT_EQ(::read(reads.get(), &step, 1), 1) << i;
    ::kill(pid, SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(pid, &status, 0), pid);
    ASSERT_TRUE(WIFSIGNALED(status)) << WEXITSTATUS(status);
  }

  SystemClock clock_;
  std::unique_ptr<os::TemporaryDirectory> root_;
  std::unique_ptr<DirectoryObjectStore> store_;
  std::unique_ptr<GitModelRepository> models_;
};

}  // namespace sluice::stores
