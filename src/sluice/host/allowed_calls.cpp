#include "sluice/host/allowed_calls.hpp"

#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sluice::host {
namespace {

using os::SyscallFilter;
using Verdict = SyscallFilter::Verdict;
using Argument = SyscallFilter::Argument;

constexpr std::uint64_t all_bits = ~std::uint64_t{0};
constexpr std::uint64_t int_bits = 0xffff'ffff;  // the kernel ignores the upper half of an int

Argument is(unsigned index, std::uint64_t value) {
  return {.index = index, .mask = all_bits, .value = value};
}
Argument is_int(unsigned index, std::uint64_t value) {
  return {.index = index, .mask = int_bits, .value = value};
}
Argument lacks(unsigned index, std::uint64_t bits) { return {.index = index, .mask = bits, .value = 0}; }
Argument has(unsigned index, std::uint64_t bits) { return {.index = index, .mask = bits, .value = bits}; }

void allow_memory(SyscallFilter& filter) {
  filter.add(Verdict::allow(), {SYS_mprotect, SYS_munmap, SYS_madvise, SYS_brk, SYS_mremap, SYS_mbind});
  // What is shared is not counted by the limit on data, and a mapped file could be written to.
  filter.add(Verdict::allow(), SYS_mmap, {{.index = 3, .mask = MAP_TYPE, .value = MAP_PRIVATE}});
  filter.add(Verdict::allow(), SYS_mmap, {lacks(3, MAP_ANONYMOUS), lacks(2, PROT_WRITE)});
}

void allow_threads(SyscallFilter& filter) {
  filter.add(Verdict::refuse(ENOSYS),
             {SYS_get_mempolicy, SYS_set_mempolicy});  // libnuma, of an encoder in libheif
  filter.add(Verdict::allow(), {SYS_futex, SYS_sched_yield, SYS_sched_getaffinity, SYS_set_robust_list,
                                SYS_rseq, SYS_exit, SYS_exit_group, SYS_gettid, SYS_getpid, SYS_membarrier});
  filter.add(Verdict::allow(), SYS_sched_setaffinity, {is_int(0, 0)});
  constexpr std::uint64_t of_a_thread =
      CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
  constexpr std::uint64_t of_others = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
                                      CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_VFORK |
                                      CLONE_PTRACE | CLONE_UNTRACED | CLONE_PARENT;
  filter.add(Verdict::allow(), SYS_clone, {has(0, of_a_thread), lacks(0, of_others)});
  filter.add(Verdict::end_process(), SYS_clone, {lacks(0, CLONE_THREAD)});
  // Its flags are in memory, where a filter cannot see them; the C library then uses `clone`.
  filter.add(Verdict::refuse(ENOSYS), {SYS_clone3});
}

void allow_signals(SyscallFilter& filter) {
  filter.add(Verdict::allow(),
             {SYS_rt_sigprocmask, SYS_rt_sigaction, SYS_rt_sigreturn, SYS_sigaltstack, SYS_restart_syscall});
  filter.add(Verdict::allow(), SYS_tgkill, {is_int(0, static_cast<std::uint32_t>(::getpid()))});  // abort()
}

void allow_time_and_such(SyscallFilter& filter) {
  filter.add(Verdict::allow(), {SYS_clock_gettime, SYS_clock_nanosleep, SYS_nanosleep, SYS_gettimeofday,
                                SYS_time, SYS_getrandom, SYS_sysinfo, SYS_uname, SYS_getcpu, SYS_getrusage});
  filter.add(Verdict::allow(), SYS_prlimit64, {is_int(0, 0), is(2, 0)});  // reading the own ones
  filter.add(Verdict::allow(), SYS_prctl, {is_int(0, PR_SET_NAME)});
  constexpr std::uint64_t get_supported = 0x1021;
  constexpr std::uint64_t get_permitted = 0x1022;
  constexpr std::uint64_t request = 0x1023;
  constexpr std::uint64_t tiles = 18;  // registers of AMX, which a process has to ask for
  filter.add(Verdict::allow(), SYS_arch_prctl, {is_int(0, get_supported)});
  filter.add(Verdict::allow(), SYS_arch_prctl, {is_int(0, get_permitted)});
  filter.add(Verdict::allow(), SYS_arch_prctl, {is_int(0, request), is(1, tiles)});
  filter.add(Verdict::allow(), SYS_seccomp, {is_int(0, SECCOMP_SET_MODE_FILTER)});  // `take_away_paths`
}

void allow_open_descriptors(SyscallFilter& filter) {
  filter.add(Verdict::allow(),
             {SYS_recvfrom, SYS_sendmsg, SYS_read, SYS_write, SYS_poll, SYS_recvmsg, SYS_readv, SYS_pread64,
              SYS_writev, SYS_lseek, SYS_close, SYS_fstat, SYS_ppoll, SYS_shutdown, SYS_fadvise64});
  for (const auto command : {F_GETFL, F_GETFD, F_SETFD, F_DUPFD_CLOEXEC})
    filter.add(Verdict::allow(), SYS_fcntl, {is_int(1, static_cast<std::uint64_t>(command))});
  filter.add(Verdict::refuse(ENOTTY), {SYS_ioctl});
}

void allow_paths(SyscallFilter& filter) {
  constexpr std::uint64_t decisive = O_ACCMODE | O_CREAT | O_TRUNC | O_TMPFILE;
  // Not O_RDONLY | O_TRUNC, which would empty a file that may only be read.
  for (const auto flags :
       {O_RDONLY, O_RDONLY | O_DIRECTORY, O_WRONLY, O_WRONLY | O_CREAT, O_WRONLY | O_CREAT | O_TRUNC}) {
    const auto value = static_cast<std::uint64_t>(flags);
    filter.add(Verdict::allow(), SYS_openat, {{.index = 2, .mask = decisive, .value = value}});
    filter.add(Verdict::allow(), SYS_open, {{.index = 1, .mask = decisive, .value = value}});
  }
  filter.add(Verdict::allow(), {SYS_newfstatat, SYS_stat, SYS_lstat, SYS_statx, SYS_access, SYS_faccessat,
                                SYS_faccessat2, SYS_readlink, SYS_readlinkat, SYS_getcwd, SYS_getdents64,
                                SYS_mkdir, SYS_rename, SYS_unlink, SYS_rmdir});
}

/// Calls for which no host has an innocent reason: who makes one has been taken over.
void end_at_attacks(SyscallFilter& filter) {
  filter.add(Verdict::end_process(), {SYS_execve,
                                      SYS_execveat,
                                      SYS_fork,
                                      SYS_vfork,
                                      SYS_ptrace,
                                      SYS_process_vm_readv,
                                      SYS_process_vm_writev,
                                      SYS_socket,
                                      SYS_socketpair,
                                      SYS_connect,
                                      SYS_bind,
                                      SYS_listen,
                                      SYS_accept,
                                      SYS_accept4,
                                      SYS_kill,
                                      SYS_tkill,
                                      SYS_pidfd_open,
                                      SYS_pidfd_getfd,
                                      SYS_pidfd_send_signal,
                                      SYS_io_uring_setup,
                                      SYS_io_uring_enter,
                                      SYS_io_uring_register,
                                      SYS_bpf,
                                      SYS_mount,
                                      SYS_umount2,
                                      SYS_unshare,
                                      SYS_setns,
                                      SYS_keyctl,
                                      SYS_add_key,
                                      SYS_request_key,
                                      SYS_userfaultfd,
                                      SYS_perf_event_open,
                                      SYS_chroot,
                                      SYS_pivot_root});
}

Verdict verdict_on_others(Confinement::UnknownCalls unknown) {
  return unknown == Confinement::UnknownCalls::end_process ? Verdict::end_process() : Verdict::refuse(EPERM);
}

}  // namespace

Result<void> allow_calls_of_a_host(Confinement::UnknownCalls unknown) {
  SyscallFilter filter;
  allow_threads(filter);
  allow_memory(filter);
  allow_open_descriptors(filter);
  allow_time_and_such(filter);
  allow_signals(filter);
  allow_paths(filter);
  end_at_attacks(filter);
  return filter.install(verdict_on_others(unknown));
}

Result<void> take_away_paths(Confinement::UnknownCalls unknown) {
  SyscallFilter filter;
  // Libraries look at files of the system now and then, and work without: the C library when memory shrinks,
  // and to count processors.
  filter.add(Verdict::refuse(EACCES), {SYS_openat, SYS_open, SYS_access, SYS_faccessat, SYS_faccessat2,
                                       SYS_readlink, SYS_readlinkat, SYS_stat, SYS_lstat});
  // `fstat` of the C library is this call, with an empty path.
  filter.add(Verdict::allow(), SYS_newfstatat, {has(3, AT_EMPTY_PATH)});
  filter.add(Verdict::allow(), SYS_statx, {has(2, AT_EMPTY_PATH)});
  filter.add(Verdict::refuse(EACCES), {SYS_newfstatat, SYS_statx});
  filter.add(verdict_on_others(unknown),
             {SYS_getcwd, SYS_getdents64, SYS_mkdir, SYS_rename, SYS_unlink, SYS_rmdir, SYS_seccomp});
  return filter.install(Verdict::allow());
}

}  // namespace sluice::host
