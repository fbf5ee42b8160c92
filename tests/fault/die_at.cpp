// A library that tests preload into a `sluice` process (LD_PRELOAD): kills it with SIGKILL at one exact
// point, given by its number, so that a test can try every point. The program itself is unchanged.
//
//   DIE_AT=event:N    the N-th event has been inserted into the ledger, and its transaction not committed
//   DIE_AT=commit:N   the transaction that holds the N-th event has just been committed
//   DIE_AT=before:N   before the N-th call that changes the disk below one of the folders of DIE_UNDER
//   DIE_AT=after:N    after that call
//   DIE_AT=within:N   half-way through that call, which is a write
//   DIE_UNDER=FOLDERS separated by `:`
//   DIE_TRACE=FILE    gets one line for each point that is counted: "event N", "commit N",
//                     "call N NAME PATH"
//
// Writes through a memory-mapped file are not detected.
#include <atomic>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include <dlfcn.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

enum class Point { none, event, commit, before, after, within };

struct Settings {
  Point point = Point::none;
  long number = 0;
  std::vector<std::string> under;
  int trace = -1;
};

std::atomic<long> events;
std::atomic<long> calls;

[[noreturn]] void die() {
  for (;;) kill(getpid(), SIGKILL);
}

/// The value of an environment variable, which is removed.
std::string take_variable(const char* name) {
  const char* value = std::getenv(name);
  std::string out = value != nullptr ? value : "";
  unsetenv(name);
  return out;
}

Settings read_settings() {
  take_variable("LD_PRELOAD");  // child processes are not affected
  Settings settings;
  const auto at = take_variable("DIE_AT");
  const auto colon = at.find(':');
  constexpr std::pair<std::string_view, Point> points[] = {{"event", Point::event},
                                                           {"commit", Point::commit},
                                                           {"before", Point::before},
                                                           {"after", Point::after},
                                                           {"within", Point::within}};
  for (const auto& [name, point] : points)
    if (at.substr(0, colon) == name) settings.point = point;
  if (settings.point != Point::none) settings.number = std::atol(at.c_str() + colon + 1);
  if (!at.empty() && settings.number < 1) {
    std::fprintf(stderr, "die_at: DIE_AT=%s is not a valid point\n", at.c_str());
    std::_Exit(99);
  }
  std::string_view rest = settings.under.emplace_back(take_variable("DIE_UNDER"));
  std::vector<std::string> folders;
  while (!rest.empty()) {
    const auto end = std::min(rest.find(':'), rest.size());
    folders.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  settings.under = std::move(folders);
  if (const auto file = take_variable("DIE_TRACE"); !file.empty())
    settings.trace = static_cast<int>(
        syscall(SYS_openat, AT_FDCWD, file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  return settings;
}

const Settings& settings() {
  static const Settings read = read_settings();
  return read;
}

[[gnu::constructor]] void initialize() { settings(); }

void trace(const std::string& line) {
  if (settings().trace >= 0) syscall(SYS_write, settings().trace, (line + "\n").c_str(), line.size() + 1);
}

/// The function that this library wraps.
template <typename Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

bool watched(const std::string& path) {
  for (const auto& folder : settings().under)
    if (path == folder || path.starts_with(folder + "/")) return true;
  return false;
}

std::string path_of(int fd) {
  char link[64];
  char path[4096];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const auto length = readlink(link, path, sizeof path);
  return length > 0 ? std::string(path, static_cast<std::size_t>(length)) : std::string();
}

std::string path_of(int folder, const char* name) {
  if (name[0] == '/' || folder == AT_FDCWD) return name;
  return path_of(folder) + "/" + name;
}

/// Wraps one call that changes the disk: counts it, and kills the process before or after it.
class Call {
 public:
  template <typename Path>
  Call(const char* name, Path path_of_call) {
    if (settings().under.empty()) return;
    const int kept = errno;
    if (const std::string path = path_of_call(); watched(path)) {
      number_ = ++calls;
      trace("call " + std::to_string(number_) + " " + name + " " + path);
      if (is(Point::before)) die();
    }
    errno = kept;
  }
  ~Call() {
    if (is(Point::after)) die();
  }
  Call(const Call&) = delete;
  [[nodiscard]] bool is(Point point) const {
    return number_ != 0 && settings().point == point && settings().number == number_;
  }

 private:
  long number_ = 0;
};

bool creates_or_truncates(int flags) { return (flags & (O_CREAT | O_TRUNC)) != 0; }

}  // namespace

extern "C" {

int sqlite3_step(sqlite3_stmt* statement) {
  static auto* const next = real<int(sqlite3_stmt*)>("sqlite3_step");
  static std::atomic<long> uncommitted;  // events
  const int code = next(statement);
  const char* sql = sqlite3_sql(statement);
  if (code != SQLITE_DONE || sql == nullptr) return code;
  if (std::strncmp(sql, "INSERT INTO events(", 19) == 0) {
    const long number = ++events;
    ++uncommitted;
    trace("event " + std::to_string(number));
    if (settings().point == Point::event && settings().number == number) die();
  } else if (std::strcmp(sql, "COMMIT") == 0 && uncommitted.exchange(0) > 0) {
    trace("commit " + std::to_string(events));
    if (settings().point == Point::commit && settings().number <= events) die();
  }
  return code;
}

int open(const char* path, int flags, ...) {
  static auto* const next = real<int(const char*, int, ...)>("open");
  va_list rest;
  va_start(rest, flags);
  const auto mode = creates_or_truncates(flags) ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  if (!creates_or_truncates(flags)) return next(path, flags, mode);
  const Call call("open", [&] { return path; });
  return next(path, flags, mode);
}

int openat(int folder, const char* path, int flags, ...) {
  static auto* const next = real<int(int, const char*, int, ...)>("openat");
  va_list rest;
  va_start(rest, flags);
  const auto mode = creates_or_truncates(flags) ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  if (!creates_or_truncates(flags)) return next(folder, path, flags, mode);
  const Call call("openat", [&] { return path_of(folder, path); });
  return next(folder, path, flags, mode);
}

int mkostemp(char* path, int flags) {
  static auto* const next = real<int(char*, int)>("mkostemp");
  const Call call("mkostemp", [&] { return path; });
  return next(path, flags);
}

char* mkdtemp(char* path) {
  static auto* const next = real<char*(char*)>("mkdtemp");
  const Call call("mkdtemp", [&] { return path; });
  return next(path);
}

int mkdir(const char* path, mode_t mode) {
  static auto* const next = real<int(const char*, mode_t)>("mkdir");
  const Call call("mkdir", [&] { return path; });
  return next(path, mode);
}

int rename(const char* from, const char* to) {
  static auto* const next = real<int(const char*, const char*)>("rename");
  const Call call("rename", [&] { return to; });
  return next(from, to);
}

int renameat2(int from_folder, const char* from, int to_folder, const char* to, unsigned flags) {
  static auto* const next = real<int(int, const char*, int, const char*, unsigned)>("renameat2");
  const Call call("renameat2", [&] { return path_of(to_folder, to); });
  return next(from_folder, from, to_folder, to, flags);
}

int link(const char* from, const char* to) {
  static auto* const next = real<int(const char*, const char*)>("link");
  const Call call("link", [&] { return to; });
  return next(from, to);
}

int symlink(const char* target, const char* path) {
  static auto* const next = real<int(const char*, const char*)>("symlink");
  const Call call("symlink", [&] { return path; });
  return next(target, path);
}

int unlink(const char* path) {
  static auto* const next = real<int(const char*)>("unlink");
  const Call call("unlink", [&] { return path; });
  return next(path);
}

int unlinkat(int folder, const char* path, int flags) {
  static auto* const next = real<int(int, const char*, int)>("unlinkat");
  const Call call("unlinkat", [&] { return path_of(folder, path); });
  return next(folder, path, flags);
}

int rmdir(const char* path) {
  static auto* const next = real<int(const char*)>("rmdir");
  const Call call("rmdir", [&] { return path; });
  return next(path);
}

int chmod(const char* path, mode_t mode) {
  static auto* const next = real<int(const char*, mode_t)>("chmod");
  const Call call("chmod", [&] { return path; });
  return next(path, mode);
}

int fchmod(int fd, mode_t mode) {
  static auto* const next = real<int(int, mode_t)>("fchmod");
  const Call call("fchmod", [&] { return path_of(fd); });
  return next(fd, mode);
}

int ftruncate(int fd, off_t size) {
  static auto* const next = real<int(int, off_t)>("ftruncate");
  const Call call("ftruncate", [&] { return path_of(fd); });
  return next(fd, size);
}

int fsync(int fd) {
  static auto* const next = real<int(int)>("fsync");
  const Call call("fsync", [&] { return path_of(fd); });
  return next(fd);
}

int fdatasync(int fd) {
  static auto* const next = real<int(int)>("fdatasync");
  const Call call("fdatasync", [&] { return path_of(fd); });
  return next(fd);
}

ssize_t write(int fd, const void* bytes, size_t size) {
  static auto* const next = real<ssize_t(int, const void*, size_t)>("write");
  const Call call("write", [&] { return path_of(fd); });
  if (call.is(Point::within)) {
    next(fd, bytes, size / 2);
    die();
  }
  return next(fd, bytes, size);
}

ssize_t pwrite(int fd, const void* bytes, size_t size, off_t at) {
  static auto* const next = real<ssize_t(int, const void*, size_t, off_t)>("pwrite");
  const Call call("pwrite", [&] { return path_of(fd); });
  if (call.is(Point::within)) {
    next(fd, bytes, size / 2, at);
    die();
  }
  return next(fd, bytes, size, at);
}

// SQLite's name for it.
ssize_t pwrite64(int fd, const void* bytes, size_t size, off64_t at) { return pwrite(fd, bytes, size, at); }
int ftruncate64(int fd, off64_t size) { return ftruncate(fd, size); }

ssize_t copy_file_range(int from, off64_t* from_at, int to, off64_t* to_at, size_t size, unsigned flags) {
  static auto* const next = real<ssize_t(int, off64_t*, int, off64_t*, size_t, unsigned)>("copy_file_range");
  const Call call("copy_file_range", [&] { return path_of(to); });
  return next(from, from_at, to, to_at, size, flags);
}

int ioctl(int fd, unsigned long request, ...) {
  static auto* const next = real<int(int, unsigned long, ...)>("ioctl");
  va_list rest;
  va_start(rest, request);
  void* const argument = va_arg(rest, void*);
  va_end(rest);
  if (request != FICLONE) return next(fd, request, argument);
  const Call call("ioctl", [&] { return path_of(fd); });
  return next(fd, request, argument);
}

}  // extern "C"
