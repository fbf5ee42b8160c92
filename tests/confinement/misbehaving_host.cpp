// sluice-host with a decoder of pictures that has been taken over: a picture "misbehave: ORDER ARGUMENT…"
// makes it try what such a decoder might, and the error about that picture says what came of it: "done", or
// why it was refused.
//
// By hand: `misbehaving_host free ORDER…` tries it unconfined; `misbehaving_host loading BASE ORDER…` as a
// host that is loading the base in that folder. It prints what came of it.
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sluice/host/media/picture.hpp"
#include "sluice/host/program.hpp"
#include "sluice/os/files.hpp"

namespace {

using namespace sluice;

/// 0, or the errno of a call that returns a negative number if it fails.
int error_of(long outcome) { return outcome < 0 ? errno : 0; }

int open_and_close(const std::string& path, int flags) {
  const os::UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC, 0600));
  return fd ? 0 : errno;
}

int list(const std::string& path) {
  DIR* const folder = ::opendir(path.c_str());
  if (folder == nullptr) return errno;
  ::closedir(folder);
  return 0;
}

int connect_tcp(int port) {
  const os::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return errno;
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(port));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return error_of(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to));
}

int connect_unix(const std::string& path) {
  const os::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return errno;
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  path.copy(to.sun_path, sizeof to.sun_path - 1);
  return error_of(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to));
}

/// In a child if it can have one: `execve` replaces the process.
int execute(const std::string& program) {
  const auto child = ::fork();
  if (child < 0) return errno;
  if (child == 0) {
    ::execl(program.c_str(), program.c_str(), nullptr);
    ::_exit(errno);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
}

int fork_a_child() {
  const auto child = ::fork();
  if (child == 0) ::_exit(0);
  if (child > 0) ::waitpid(child, nullptr, 0);
  return error_of(child);
}

int trace(pid_t pid) {
  if (::ptrace(PTRACE_ATTACH, pid, nullptr, nullptr) != 0) return errno;
  ::waitpid(pid, nullptr, 0);
  ::ptrace(PTRACE_DETACH, pid, nullptr, nullptr);
  return 0;
}

int limit_of(pid_t pid) {
  rlimit limit{};
  if (::prlimit(pid, RLIMIT_CORE, nullptr, &limit) != 0) return errno;
  return error_of(::prlimit(pid, RLIMIT_CORE, &limit, nullptr));
}

int map_shared() {
  void* const at = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  return at == MAP_FAILED ? errno : 0;
}

/// More memory than a host may have, never touched.
int reserve(std::size_t gib) {
  for (std::size_t i = 0; i < gib; ++i)
    if (::mmap(nullptr, std::size_t{1} << 30, PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) == MAP_FAILED)
      return errno;
  return 0;
}

int duplicate(int count) {
  std::vector<os::UniqueFd> made;
  for (int i = 0; i < count; ++i) {
    made.emplace_back(::fcntl(1, F_DUPFD_CLOEXEC, 0));
    if (!made.back()) return errno;
  }
  return 0;
}

int use_io_uring() {
  io_uring_params params{};
  return error_of(::syscall(SYS_io_uring_setup, 4, &params));
}

/// getpid of a 32-bit program.
int call_as_32_bit() {
  long outcome = 20;
  __asm__ volatile("int $0x80" : "+a"(outcome) : : "memory", "r8", "r9", "r10", "r11");
  return outcome < 0 ? static_cast<int>(-outcome) : 0;
}

int carry_out(const std::vector<std::string>& order) {
  const auto& what = order.at(0);
  const auto text = [&](std::size_t i) { return order.at(i); };
  const auto number = [&](std::size_t i) { return std::stoi(order.at(i)); };
  if (what == "read") return open_and_close(text(1), O_RDONLY);
  if (what == "write") return open_and_close(text(1), O_WRONLY);
  if (what == "create") return open_and_close(text(1), O_WRONLY | O_CREAT);
  if (what == "empty") return open_and_close(text(1), O_RDONLY | O_TRUNC);
  if (what == "list") return list(text(1));
  if (what == "truncate") return error_of(::truncate(text(1).c_str(), 1));
  if (what == "chmod") return error_of(::chmod(text(1).c_str(), 0600));
  if (what == "unlink") return error_of(::unlink(text(1).c_str()));
  if (what == "rename") return error_of(::rename(text(1).c_str(), text(2).c_str()));
  if (what == "link") return error_of(::link(text(1).c_str(), text(2).c_str()));
  if (what == "symlink") return error_of(::symlink(text(1).c_str(), text(2).c_str()));
  if (what == "mkdir") return error_of(::mkdir(text(1).c_str(), 0700));
  if (what == "connect-tcp") return connect_tcp(number(1));
  if (what == "connect-unix") return connect_unix(text(1));
  if (what == "udp") return error_of(::socket(AF_INET, SOCK_DGRAM, 0));
  if (what == "execute") return execute(text(1));
  if (what == "execute-itself") return error_of(::execl(text(1).c_str(), text(1).c_str(), nullptr));
  if (what == "fork") return fork_a_child();
  if (what == "signal") return error_of(::kill(number(1), 0));
  if (what == "trace") return trace(number(1));
  if (what == "limit") return limit_of(number(1));
  if (what == "priority") return error_of(::setpriority(PRIO_PROCESS, static_cast<id_t>(number(1)), 5));
  if (what == "memfd") return error_of(::memfd_create("x", 0));
  if (what == "map-shared") return map_shared();
  if (what == "reserve") return reserve(static_cast<std::size_t>(number(1)));
  if (what == "duplicate") return duplicate(number(1));
  if (what == "io_uring") return use_io_uring();
  if (what == "unshare") return error_of(::unshare(CLONE_NEWNS));
  if (what == "32-bit") return call_as_32_bit();
  return ENOSYS;
}

std::string outcome_of(const std::vector<std::string>& order) {
  const int number = carry_out(order);
  return number == 0 ? "done" : ::strerrorname_np(number);
}

std::vector<std::string> words_of(std::string_view text) {
  std::istringstream stream{std::string(text)};
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

}  // namespace

Result<host::media::Picture> decode_really(std::string_view bytes) __asm__(
    "__real__ZN6sluice4host5media14decode_pictureESt17basic_string_viewIcSt11char_traitsIcEE");
Result<host::media::Picture> decode_or_misbehave(std::string_view bytes) __asm__(
    "__wrap__ZN6sluice4host5media14decode_pictureESt17basic_string_viewIcSt11char_traitsIcEE");
Result<host::media::Picture> decode_or_misbehave(std::string_view bytes) {
  constexpr std::string_view start = "misbehave: ";
  if (!bytes.starts_with(start)) return decode_really(bytes);
  return Fail(
      user_error(Code::invalid_argument, "misbehaved: " + outcome_of(words_of(bytes.substr(start.size())))));
}

int main(int argc, char** argv) {
  using host::Confinement;
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.empty() || arguments[0].starts_with("--"))
    return host::run_host(argc, argv, Confinement::UnknownCalls::refuse);
  std::size_t skipped = 1;
  if (arguments[0] == "loading") {
    skipped = 2;
    if (!Confinement::begin({.base = arguments.at(1), .compiled = {}, .scratch = {}},
                            Confinement::UnknownCalls::refuse))
      return 3;
  }
  std::puts(outcome_of({arguments.begin() + static_cast<std::ptrdiff_t>(skipped), arguments.end()}).c_str());
  return 0;
}
