#include "sluice/os/mounts.hpp"

#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include "result_assertions.hpp"
#include "scratch.hpp"

namespace sluice::os {
namespace {

using Mounts = Scratch;

enum Outcome { read_only, refused, wrong };

/// In a child: mounts `source` at `target`, tries to write `file` below it, and checks whether `file` is
/// visible.
Outcome try_in_child(const std::filesystem::path& source, const std::filesystem::path& target,
                     const std::filesystem::path& file) {
  const pid_t pid = fork();
  if (pid == 0) {
    if (unshare(CLONE_NEWNS) != 0 || make_mounts_private() != 0 ||
        bind_read_only(source.c_str(), target.c_str()) != 0)
      _exit(refused);
    const bool seen = read_file(file) == "kept";
    const auto written = write_file(file, "changed");
    _exit(seen && !written && written.error().message.ends_with("Read-only file system") ? read_only : wrong);
  }
  int status = 0;
  EXPECT_EQ(waitpid(pid, &status, 0), pid);
  return static_cast<Outcome>(WEXITSTATUS(status));
}

// If the kernel refuses mounts, nothing of them is left either.
TEST_F(Mounts, ShowAFolderOrAFileReadOnly) {
  ASSERT_OK(make_directories(at("source")));
  ASSERT_OK(make_directories(at("target")));
  ASSERT_OK(write_file(at("source/file"), "kept"));
  ASSERT_OK(write_file(at("file"), ""));
  EXPECT_NE(try_in_child(at("source"), at("target"), at("target/file")), wrong);
  EXPECT_NE(try_in_child(at("source/file"), at("file"), at("file")), wrong);
  EXPECT_EQ(read_file(at("source/file")), "kept");
  EXPECT_FALSE(os::exists(at("target/file")));
}

TEST_F(Mounts, OfMissingPathsReturnAnErrno) {
  EXPECT_NE(bind_read_only(at("nothing").c_str(), at("nothing").c_str()), 0);
}

}  // namespace
}  // namespace sluice::os
