#include "sluice/supervisor/launch.hpp"

#include <cerrno>

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sluice/os/mounts.hpp"
#include "sluice/os/process.hpp"
#include "sluice/os/tree.hpp"

namespace sluice::supervisor {
namespace {

/// For the child's few system calls.
constexpr std::size_t stack_bytes = std::size_t{64} << 10;
constexpr std::size_t stack_alignment = 64;
constexpr int first_inherited = 3;

/// All that the child needs, prepared before the fork: after it, only system calls are made.
struct Child {
  const Start* start = nullptr;
  char* const* argv = nullptr;
  char* const* env = nullptr;
  int null = -1;
  int log = -1;
  int inherited = -1;    ///< to become its descriptor 3, or -1
  int join = -1;         ///< cgroup.procs of the leaf, if the fork could not place the child; else -1
  int memory = -1;       ///< the tasks of its memory group, or -1
  bool unshare = false;  ///< a mount namespace is still to be created
  pid_t parent = 0;
  std::uint64_t files_max = 0;
  std::optional<std::uint64_t> mark;  ///< of its tree, if no cgroup holds that
  Report* report = nullptr;
};

[[noreturn]] void report_and_exit(const Child& child, Report::What what, Step step, int error) {
  child.report->step = step;
  child.report->error = error;
  child.report->what = what;
  _exit(127);
}

/// Not instrumented: it may run on a stack that AddressSanitizer does not know.
[[noreturn, gnu::no_sanitize_address]] void run_child(const Child& child) {
  const auto fail = [&](Step step) { report_and_exit(child, Report::What::step, step, errno); };
  // If the supervisor died before this line, the signal would never come: check the parent after requesting
  // the signal.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != child.parent) _exit(127);
  setsid();
  if (child.mark) os::mark_tree(*child.mark);

  for (const int number : {SIGHUP, SIGINT, SIGQUIT, SIGPIPE})
    signal(number, SIG_DFL);  // the ones that the supervisor ignores
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);

  if (child.join >= 0 && write(child.join, "0", 1) != 1) fail(Step::fork);
  if (child.memory >= 0 && write(child.memory, "0", 1) != 1) fail(Step::fork);
  if (!child.start->mounts.empty()) {
    if (child.unshare && unshare(CLONE_NEWNS) != 0)
      report_and_exit(child, Report::What::mounts, Step::none, errno);
    int error = os::make_mounts_private();
    for (const auto& mount : child.start->mounts)
      if (error == 0) error = os::bind_read_only(mount.source.c_str(), mount.target.c_str());
    if (error != 0) report_and_exit(child, Report::What::mounts, Step::none, error);
  }
  if (chdir(child.start->cwd.c_str()) != 0) fail(Step::directory);
  if (dup2(child.null, 0) < 0 || dup2(child.log, 1) < 0 || dup2(child.log, 2) < 0) fail(Step::log);
  if (child.inherited >= 0 && child.inherited != first_inherited &&
      dup2(child.inherited, first_inherited) < 0)
    fail(Step::log);
  close_range(child.inherited >= 0 ? first_inherited + 1 : first_inherited, ~0U, CLOSE_RANGE_CLOEXEC);
  if (child.inherited == first_inherited) fcntl(first_inherited, F_SETFD, 0);
  umask(022);
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur != child.files_max) {
    files.rlim_cur = child.files_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  execve(child.start->program.c_str(), child.argv, child.env);
  fail(Step::execute);
  __builtin_unreachable();
}

/// Calls clone3, and `run_child` in the child. If `arguments` has a stack for it, the child shares the memory
/// of this process until it calls exec, and this process waits for that: no page table is copied. The child
/// begins in `run_child`, because it must not use the parent's stack frame. Returns the pid, or a negative
/// errno.
///
/// The child begins with the parent's registers. `child` and `entry` may be in any that is free, %rbp
/// included: both are read before %rbp is cleared, which ends the chain of frames for debuggers. Neither can
/// be in %rax, %rdi, %rsi, %rcx or %r11, which are operands of their own or clobbered. A child without a
/// stack of its own continues on a copy of the parent's: it skips the red zone, and aligns the stack as a
/// call requires. Whatever it overwrites is its own, and it does not return; in the parent only what is
/// declared has changed.
long clone3_and_run(clone_args& arguments, const Child& child) {
  long result = SYS_clone3;
  void (*const entry)(const Child&) = run_child;
  asm volatile(
      "syscall\n\t"
      "testq %%rax, %%rax\n\t"
      "jnz 1f\n\t"
      "movq %[child], %%rdi\n\t"
      "movq %[entry], %%rax\n\t"
      "xorl %%ebp, %%ebp\n\t"
      "leaq -128(%%rsp), %%rsp\n\t"
      "andq $-16, %%rsp\n\t"
      "callq *%%rax\n\t"
      "ud2\n"
      "1:"
      : "+a"(result)
      : "D"(&arguments), "S"(sizeof arguments), [child] "r"(&child), [entry] "r"(entry)
      : "rcx", "r11", "memory", "cc");
  return result;
}

}  // namespace

std::uint64_t tree_id(std::string_view fence) {
  std::uint64_t hash = 0xcbf29ce484222325U;  // FNV-1a
  for (const char c : fence) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return hash;
}

Reports::Reports() {
  void* memory =
      mmap(nullptr, running_max * sizeof(Report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  SLUICE_CHECK(memory != MAP_FAILED);
  all_ = static_cast<Report*>(memory);
  free_.reserve(running_max);
  for (std::size_t i = running_max; i-- > 0;) free_.push_back(all_ + i);
}

Reports::~Reports() { munmap(all_, running_max * sizeof(Report)); }

Report* Reports::acquire() {
  SLUICE_CHECK(!free_.empty());
  auto* report = free_.back();
  free_.pop_back();
  *report = Report{};
  return report;
}

void Reports::release(Report* report) { free_.push_back(report); }

Launcher::Launcher() : stack_(static_cast<std::byte*>(std::aligned_alloc(stack_alignment, stack_bytes))) {
  null_.reset(open("/dev/null", O_RDONLY | O_CLOEXEC));
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files_max_ = files.rlim_cur;
  // Two or three descriptors per attempt: a thousand attempts exceed the usual limit of 1,024.
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
}

Result<pid_t> Launcher::launch(const Start& start, int log, const os::Cgroup* leaf,
                               const os::MemoryGroup* memory, Report* report, int inherited) {
  const auto argv = os::pointers_to(start.argv);
  auto env = os::pointers_to(start.env);
  const std::string marker = "SLUICE_ATTEMPT=" + start.fence;
  bool marked = false;
  for (const auto& variable : start.env) marked = marked || variable.starts_with("SLUICE_ATTEMPT=");
  if (!marked) env.insert(env.end() - 1, const_cast<char*>(marker.c_str()));

  Child child{.start = &start,
              .argv = argv.data(),
              .env = env.data(),
              .null = null_.get(),
              .log = log,
              .inherited = inherited,
              .parent = getpid(),
              .files_max = files_max_,
              .report = report};
  if (leaf == nullptr) child.mark = tree_id(start.fence);
  if (memory != nullptr) child.memory = memory->tasks();
  if (clone3_) {
    clone_args arguments{};
    arguments.exit_signal = SIGCHLD;
    if (!start.mounts.empty()) arguments.flags |= CLONE_NEWNS;
    if (leaf != nullptr) {
      arguments.flags |= CLONE_INTO_CGROUP;
      arguments.cgroup = static_cast<std::uint64_t>(leaf->fd());
    }
    if (start.mounts.empty()) {
      arguments.flags |= CLONE_VM | CLONE_VFORK;
      arguments.stack = reinterpret_cast<std::uint64_t>(stack_.get());
      arguments.stack_size = stack_bytes;
    }
    const long pid = clone3_and_run(arguments, child);
    if (pid > 0) return static_cast<pid_t>(pid);
    error_ = static_cast<int>(-pid);
    // System-call filters such as Docker's return ENOSYS for clone3.
    if (error_ != ENOSYS) return Fail(system_error("fork", error_));
    clone3_ = false;
  }
  child.unshare = !start.mounts.empty();
  os::UniqueFd join;
  if (leaf != nullptr) {
    join.reset(openat(leaf->fd(), "cgroup.procs", O_WRONLY | O_CLOEXEC));
    if (!join) {
      error_ = errno;
      return Fail(system_error("open a cgroup", error_));
    }
    child.join = join.get();
  }
  const pid_t pid = fork();
  if (pid == 0) run_child(child);
  if (pid > 0) return pid;
  error_ = errno;
  return Fail(system_error("fork", error_));
}

}  // namespace sluice::supervisor
