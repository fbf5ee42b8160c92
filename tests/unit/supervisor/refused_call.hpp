#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>

#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace sluice::supervisor {

/// How a child process ended in which a system call was refused.
enum class Refused {
  as_expected,
  otherwise,
  not_possible,  ///< this machine permits no filter of system calls: nothing to see
};

/// From now on, the system call fails in this process and its children with this error, as in some
/// containers. False: this machine permits no such filter.
inline bool refuse_call(std::uint32_t call, std::uint32_t error) {
  sock_filter filter[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                          BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
                          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
                          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  const sock_fprog program{.len = std::size(filter), .filter = filter};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/// Whether `holds` returns true in a child process in which the system call is refused.
inline Refused with_refused_call(std::uint32_t call, std::uint32_t error,
                                 const std::function<bool()>& holds) {
  const auto child = fork();
  if (child == 0) {
    if (!refuse_call(call, error)) _exit(static_cast<int>(Refused::not_possible));
    _exit(static_cast<int>(holds() ? Refused::as_expected : Refused::otherwise));
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? static_cast<Refused>(WEXITSTATUS(status)) : Refused::otherwise;
}

}  // namespace sluice::supervisor
