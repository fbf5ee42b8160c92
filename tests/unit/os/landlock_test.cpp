#include "sluice/os/landlock.hpp"

#include <functional>

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "result_assertions.hpp"
#include "scratch.hpp"

namespace sluice::os {
namespace {

using LandlockTest = Scratch;

TEST_F(LandlockTest, LeavesWhatWasAllowed) {
  if (Landlock::version() == 0) {
    EXPECT_EQ(Landlock::make().error().code, Code::unavailable);
    return;
  }
  for (const auto* folder : {"read", "write", "other"}) {
    ASSERT_OK(make_directories(at(folder)));
    ASSERT_OK(write_file(at(std::string(folder) + "/file"), "text"));
  }
  const auto broken = [&]() -> int {
    auto rules = Landlock::make();
    if (!rules || !rules->allow(at("read"), Landlock::Access::read) ||
        !rules->allow(at("other/file"), Landlock::Access::read) ||
        !rules->allow(at("missing"), Landlock::Access::read) ||
        !rules->allow(at("write"), Landlock::Access::write))
      return 1;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || !rules->restrict_thread()) return 2;
    if (read_file(at("read/file")) != "text" || !list_directory(at("read"))) return 3;
    if (read_file(at("other/file")) != "text") return 4;
    if (write_file(at("read/file"), "x") || write_file(at("read/new"), "x")) return 5;
    if (list_directory(at("other")) || write_file(at("other/new"), "x")) return 6;
    if (!write_file(at("write/file"), "x") || !write_file(at("write/new"), "x")) return 7;
    if (rename(at("write/new").c_str(), at("write/newer").c_str()) != 0) return 8;
    if (rename(at("write/newer").c_str(), at("other/newer").c_str()) == 0) return 9;
    if (symlink("file", at("write/link").c_str()) == 0) return 10;
    if (!make_directories(at("write/folder")) || !remove_tree(at("write/folder"))) return 11;
    return 0;
  };
  const pid_t pid = fork();
  if (pid == 0) _exit(broken());
  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0) << WEXITSTATUS(status);
}

}  // namespace
}  // namespace sluice::os
