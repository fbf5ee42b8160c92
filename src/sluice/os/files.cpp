#include "sluice/os/files.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "sluice/base/words.hpp"

namespace sluice::os {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t block_bytes = std::size_t{1} << 18;

Error failed(std::string_view what, const fs::path& path) {
  const int number = errno;
  return system_error(std::string(what) + " " + path.string(), number);
}

Error too_long(const fs::path& path, std::size_t bytes_max) {
  return user_error(Code::too_large,
                    path.string() + ": the file exceeds the limit of " + human_bytes(bytes_max));
}

Result<struct stat> stat_of(int fd, const fs::path& path) {
  struct stat info{};
  if (fstat(fd, &info) != 0) return Fail(failed("stat", path));
  return info;
}

/// Opens a regular file; refuses anything else, and does not wait for the other end of a pipe.
Result<UniqueFd> open_regular(const fs::path& path, off_t& size) {
  SLUICE_TRY(fd, open_file(path, O_RDONLY | O_NONBLOCK | O_NOCTTY));
  SLUICE_TRY(info, stat_of(fd.get(), path));
  if (!S_ISREG(info.st_mode))
    return Fail(user_error(
        Code::invalid_argument,
        path.string() + (S_ISDIR(info.st_mode) ? ": a folder, not a file" : ": not a regular file")));
  size = info.st_size;
  return std::move(fd);
}

/// Appends what can be read to `text`, at most `bytes_max` bytes; returns false if there was more.
Result<bool> read_some(int fd, std::string& text, std::size_t bytes_max, const fs::path& path) {
  std::size_t used = text.size();
  for (;;) {
    if (text.size() == used) text.resize(std::min(bytes_max + 1, std::max<std::size_t>(4096, used * 2)));
    const ssize_t n = read(fd, text.data() + used, text.size() - used);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Fail(failed("read", path));
    if (n == 0) break;
    used += static_cast<std::size_t>(n);
    if (used > bytes_max) {
      text.resize(bytes_max);
      return false;
    }
  }
  text.resize(used);
  return true;
}

Result<std::uint64_t> copy_bytes(int from, const fs::path& from_path, int to, const fs::path& to_path) {
  std::uint64_t copied = 0;
  SLUICE_DO(read_blocks(from, from_path, [&](std::string_view bytes) -> Result<void> {
    if (auto written = write_fd(to, bytes); !written)
      return Fail(std::move(written).error().at(to_path.string()));
    copied += bytes.size();
    return {};
  }));
  return copied;
}

}  // namespace

std::string printable(const fs::path& path) {
  return is_utf8(path.native()) ? path.native() : percent_encode(path.native(), " /");
}

void UniqueFd::reset(int fd) {
  if (fd_ >= 0) close(fd_);
  fd_ = fd;
}

Result<UniqueFd> open_file(const fs::path& path, int flags, mode_t mode) {
  for (;;) {
    const int fd = open(path.c_str(), flags | O_CLOEXEC, mode);
    if (fd >= 0) return UniqueFd(fd);
    if (errno != EINTR) return Fail(failed("open", path));
  }
}

Result<std::string> read_file(const fs::path& path, std::size_t bytes_max) {
  off_t size = 0;
  SLUICE_TRY(fd, open_regular(path, size));
  if (size > 0 && static_cast<std::uint64_t>(size) > bytes_max) return Fail(too_long(path, bytes_max));
  std::string text;
  text.reserve(static_cast<std::size_t>(size) + 1);
  // One byte more than the size is requested, so that the first read already shows the end.
  if (size > 0) {
    text.resize(static_cast<std::size_t>(size) + 1);
    const ssize_t n = read(fd.get(), text.data(), text.size());
    if (n < 0 && errno != EINTR) return Fail(failed("read", path));
    text.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
    if (n == size) return text;
  }
  SLUICE_TRY(whole, read_some(fd.get(), text, bytes_max, path));
  if (!whole) return Fail(too_long(path, bytes_max));
  return text;
}

Result<std::string> read_all(int fd, std::size_t bytes_max) {
  const fs::path path = "descriptor " + std::to_string(fd);
  std::string text;
  SLUICE_TRY(whole, read_some(fd, text, bytes_max, path));
  if (!whole) return Fail(too_long(path, bytes_max));
  return text;
}

Result<void> read_blocks(int fd, const fs::path& name,
                         const std::function<Result<void>(std::string_view)>& take) {
  std::string buffer(block_bytes, '\0');
  for (;;) {
    const ssize_t n = read(fd, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Fail(failed("read", name));
    if (n == 0) return {};
    SLUICE_DO(take({buffer.data(), static_cast<std::size_t>(n)}));
  }
}

Result<std::string> read_start(const fs::path& path, std::size_t bytes_max) {
  off_t size = 0;
  SLUICE_TRY(fd, open_regular(path, size));
  std::string text;
  SLUICE_TRY(whole, read_some(fd.get(), text, bytes_max, path));
  static_cast<void>(whole);
  return text;
}

Result<std::string> read_tail(const fs::path& path, std::size_t bytes_max) {
  off_t size = 0;
  SLUICE_TRY(fd, open_regular(path, size));
  const off_t start = std::max<off_t>(0, size - static_cast<off_t>(bytes_max));
  if (lseek(fd.get(), start, SEEK_SET) < 0) return Fail(failed("read", path));
  std::string text;
  SLUICE_TRY(whole, read_some(fd.get(), text, bytes_max, path));
  static_cast<void>(whole);  // a file that grows meanwhile is cut at the limit
  return text;
}

Result<void> write_fd(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Fail(system_error("write", errno));
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

Result<void> write_file(const fs::path& path, std::string_view bytes, mode_t mode) {
  SLUICE_TRY(fd, open_file(path, O_WRONLY | O_CREAT | O_TRUNC, mode));
  if (auto written = write_fd(fd.get(), bytes); !written)
    return Fail(std::move(written).error().at(path.string()));
  return {};
}

Result<void> write_file_atomically(const fs::path& path, std::string_view bytes, Sync sync, mode_t mode) {
  // Unique within the process by the counter and among processes by the pid; O_EXCL refuses a file that a
  // dead process left.
  static std::atomic<std::uint64_t> counter{0};
  const fs::path temporary =
      path.string() + ".new-" + std::to_string(getpid()) + "-" + std::to_string(counter.fetch_add(1));
  unlink(temporary.c_str());
  SLUICE_TRY(fd, open_file(temporary, O_WRONLY | O_CREAT | O_EXCL, mode));
  auto written = write_fd(fd.get(), bytes);
  if (written && sync == Sync::yes && fsync(fd.get()) != 0) written = Fail(failed("sync", temporary));
  if (written && rename(temporary.c_str(), path.c_str()) != 0) written = Fail(failed("replace", path));
  if (!written) {
    unlink(temporary.c_str());
    return Fail(std::move(written).error().at(path.string()));
  }
  if (sync == Sync::yes) return fsync_directory(path.has_parent_path() ? path.parent_path() : fs::path("."));
  return {};
}

Result<std::uint64_t> copy_file(const fs::path& from, const fs::path& to) {
  off_t size = 0;
  SLUICE_TRY(source, open_regular(from, size));
  SLUICE_TRY(info, stat_of(source.get(), from));
  const mode_t mode = (info.st_mode & S_IXUSR) != 0 ? 0755 : 0644;
  SLUICE_TRY(target, open_file(to, O_WRONLY | O_CREAT | O_EXCL, mode));
  if (ioctl(target.get(), FICLONE, source.get()) == 0) return static_cast<std::uint64_t>(size);
  std::uint64_t copied = 0;
  for (;;) {
    const ssize_t n = copy_file_range(source.get(), nullptr, target.get(), nullptr, std::size_t{1} << 30, 0);
    if (n > 0) {
      copied += static_cast<std::uint64_t>(n);
      continue;
    }
    if (n == 0 && (copied > 0 || size == 0)) return copied;
    if (n < 0 && errno == EINTR) continue;
    // Across file systems, from /proc, on old kernels: read and write from where it stopped.
    auto rest = n == 0 || errno == EXDEV || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP ||
                        errno == EPERM
                    ? copy_bytes(source.get(), from, target.get(), to)
                    : Result<std::uint64_t>(Fail(failed("copy to", to)));
    if (!rest) {
      unlink(to.c_str());
      return rest;
    }
    return copied + *rest;
  }
}

Result<void> make_directories(const fs::path& path) {
  if (mkdir(path.c_str(), 0755) == 0) return {};
  if (errno == ENOENT && path.has_relative_path() && path.parent_path() != path) {
    if (path.parent_path().empty()) return Fail(failed("make folder", path));
    SLUICE_DO(make_directories(path.parent_path()));
    if (mkdir(path.c_str(), 0755) == 0) return {};
  }
  if (errno != EEXIST) return Fail(failed("make folder", path));
  struct stat info{};
  if (stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) return {};
  errno = ENOTDIR;
  return Fail(failed("make folder", path));
}

Result<void> set_mode(const fs::path& path, mode_t mode) {
  if (chmod(path.c_str(), mode) != 0) return Fail(failed("set the mode of", path));
  return {};
}

bool exists(const fs::path& path) {
  struct stat info{};
  return lstat(path.c_str(), &info) == 0;
}

Result<void> fsync_file(const fs::path& path) {
  SLUICE_TRY(fd, open_file(path, O_RDONLY));
  if (fsync(fd.get()) != 0) return Fail(failed("sync", path));
  return {};
}

Result<void> fsync_directory(const fs::path& path) {
  SLUICE_TRY(fd, open_file(path, O_RDONLY | O_DIRECTORY));
  if (fsync(fd.get()) != 0) return Fail(failed("sync folder", path));
  return {};
}

Result<std::uint64_t> free_bytes(const fs::path& path) {
  struct statvfs info{};
  if (statvfs(path.c_str(), &info) != 0) return Fail(failed("get the free space of", path));
  return static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
}

Result<TemporaryDirectory> TemporaryDirectory::make(const fs::path& parent, std::string_view prefix) {
  std::string name = (parent / prefix).string() + "XXXXXX";
  if (mkdtemp(name.data()) == nullptr) return Fail(failed("make a temporary folder in", parent));
  return TemporaryDirectory(fs::path(name));
}

Result<TemporaryDirectory> TemporaryDirectory::make_in_tmp(std::string_view prefix) {
  std::error_code error;
  const auto parent = fs::temp_directory_path(error);
  if (error) return Fail(system_error("use the folder for temporary files, $TMPDIR", error.value()));
  return make(parent, prefix);
}

TemporaryDirectory::~TemporaryDirectory() {
  // What cannot be removed stays: a destructor cannot report an error.
  if (!path_.empty()) static_cast<void>(remove_tree(path_));
}

TemporaryDirectory& TemporaryDirectory::operator=(TemporaryDirectory&& other) noexcept {
  if (this != &other) {
    if (!path_.empty()) static_cast<void>(remove_tree(path_));
    path_ = std::exchange(other.path_, {});
  }
  return *this;
}

}  // namespace sluice::os
