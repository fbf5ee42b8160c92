#include "sluice/os/mounts.hpp"

#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include "result_assertions.hpp"
#include "scratch.hpp"

namespace sluice::os {
namespace {

using Mounts = Scratch;

enum Answer { all_well, refused, wrong };

/// In a child: mounts `source` at `target`, tries to write `file` below it, and looks whether `file` is seen.
Answer try_in_child(const std::filesystem::path& source, const std::filesystem::path& target,
                    const std::filesystem::path& file) {
  const pid_t pid = fork();
  if (pid == 0) {
    if (unshare(CLONE_NEWNS) != 0 || make_mounts_private() != 0 ||
        bind_read_only(source.c_str(), target.c_str()) != 0)
      _exit(refused);
    const bool seen = read_file(file) == "kept";
    const auto written = write_file(file, "changed");
    _exit(seen && !written && written.error().message.ends_with("Read-only file system") ? all_well : wrong);
  }
  int status = 0;
  EXPECT_EQ(waitpid(pid, &status, 0), pid);
  return static_cast<Answer>(WEXITSTATUS(status));
}

// Where the kernel refuses mounts, nothing of them is left either.
TEST_F(Mounts, ShowAFolderOrAFileThatNobodyCanWrite) {
  ASSERT_OK(make_directories(at("source")));
  ASSERT_OK(make_directories(at("target")));
  ASSERT_OK(write_file(at("source/file"), "kept"));
  ASSERT_OK(write_file(at("file"), ""));
  EXPECT_NE(try_in_child(at("source"), at("target"), at("target/file")), wrong);
  EXPECT_NE(try_in_child(at("source/file"), at("file"), at("file")), wrong);
  EXPECT_EQ(read_file(at("source/file")), "kept");
  EXPECT_FALSE(os::exists(at("target/file")));
}

TEST_F(Mounts, OfWhatIsNotThereAreAnErrno) {
  EXPECT_NE(bind_read_only(at("nothing").c_str(), at("nothing").c_str()), 0);
}

}  // namespace
}  // namespace sluice::os
