#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "sluice/base/clock.hpp"
#include "sluice/base/result.hpp"

/// Files and folders. Every function is thread-safe; every descriptor is opened close-on-exec; messages name
/// the path.
namespace sluice::os {

/// The path in a form that fits into messages and JSON: unchanged, or percent-encoded if it is not UTF-8.
std::string printable(const std::filesystem::path& path);

/// Owns one file descriptor.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  ~UniqueFd() { reset(); }
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) reset(other.release());
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] explicit operator bool() const { return fd_ >= 0; }
  /// Passes the ownership of the descriptor to the caller.
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1);

 private:
  int fd_ = -1;
};

/// open(2) with O_CLOEXEC added. `mode` is for files that are created.
Result<UniqueFd> open_file(const std::filesystem::path& path, int flags, mode_t mode = 0644);

/// The whole file; Code::too_large if it is longer than `bytes_max`. Never blocks: a pipe or a device is
/// refused.
Result<std::string> read_file(const std::filesystem::path& path,
                              std::size_t bytes_max = std::size_t{64} << 20);
/// Everything from the position of `fd` to the end; the same limits. For files of /proc, whose size is not
/// known before.
Result<std::string> read_all(int fd, std::size_t bytes_max = std::size_t{64} << 20);
/// Calls `take` with everything from the position of `fd` to the end, block by block. Stops at the first
/// error, of reading or of `take`. `name` is the name of the file in messages.
Result<void> read_blocks(int fd, const std::filesystem::path& name,
                         const std::function<Result<void>(std::string_view)>& take);
/// The first `bytes_max` bytes, or all of a shorter file.
Result<std::string> read_start(const std::filesystem::path& path, std::size_t bytes_max);
/// The last `bytes_max` bytes, or all of a shorter file.
Result<std::string> read_tail(const std::filesystem::path& path, std::size_t bytes_max);

enum class Sync { no, yes };

/// Creates or replaces the file, in place: a reader may see a part of it.
Result<void> write_file(const std::filesystem::path& path, std::string_view bytes, mode_t mode = 0644);
/// Creates or replaces the file atomically (a temporary one beside it, then rename). With Sync::yes the file
/// and its name are durable when this returns.
Result<void> write_file_atomically(const std::filesystem::path& path, std::string_view bytes, Sync sync,
                                   mode_t mode = 0644);
/// Writes all of `bytes`; handles short writes and EINTR.
Result<void> write_fd(int fd, std::string_view bytes);

/// Copies a regular file to `to`, which must not exist; shares blocks where the file system can. Keeps
/// whether it is executable, nothing else. Returns the number of bytes copied.
Result<std::uint64_t> copy_file(const std::filesystem::path& from, const std::filesystem::path& to);

/// mkdir -p.
Result<void> make_directories(const std::filesystem::path& path);
/// Removes a file, or a folder with its contents. Never follows a symlink; adds the permissions that it lacks
/// to enter folders. A path that does not exist is not an error. Continues after a failure, and returns the
/// first.
Result<void> remove_tree(const std::filesystem::path& path);

/// Removes the entries of `folder` whose names begin with `prefix` and that were not modified for a day (for
/// a folder: nothing was added to it or removed from it): the leftovers of processes that died while they
/// created them. Continues after a failure, and returns the first.
Result<void> remove_abandoned(const std::filesystem::path& folder, Time now, std::string_view prefix = {});

struct DirectoryEntry {
  enum class Kind { file, directory, symlink, other } kind = Kind::other;
  std::string name;
};
/// Sorted by name; without "." and "..".
Result<std::vector<DirectoryEntry>> list_directory(const std::filesystem::path& path);
/// Everything below `folder` that is not a folder itself, as paths relative to it, sorted; empty if `folder`
/// does not exist. Symlinks below it are not followed.
Result<std::vector<std::filesystem::path>> files_below(const std::filesystem::path& folder);

/// chmod: follows symlinks, and ignores the umask.
Result<void> set_mode(const std::filesystem::path& path, mode_t mode);

/// True also for a dangling symlink; false for a path that this process may not look up.
[[nodiscard]] bool exists(const std::filesystem::path& path);

Result<void> fsync_file(const std::filesystem::path& path);
/// Makes the names in the folder durable.
Result<void> fsync_directory(const std::filesystem::path& path);

/// The space that this process can still use on the file system that holds `path`.
Result<std::uint64_t> free_bytes(const std::filesystem::path& path);

/// A new, empty folder (mode 0700) that its owner removes when it is destroyed.
class TemporaryDirectory {
 public:
  /// `parent` must exist. The name is `prefix` and six random characters.
  static Result<TemporaryDirectory> make(const std::filesystem::path& parent,
                                         std::string_view prefix = "tmp-");
  /// In the system's folder for temporary files: $TMPDIR, or /tmp.
  static Result<TemporaryDirectory> make_in_tmp(std::string_view prefix = "tmp-");
  ~TemporaryDirectory();
  TemporaryDirectory(TemporaryDirectory&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TemporaryDirectory& operator=(TemporaryDirectory&& other) noexcept;
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  /// Keeps the folder: the caller owns it now.
  [[nodiscard]] std::filesystem::path release() { return std::exchange(path_, {}); }

 private:
  explicit TemporaryDirectory(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

/// An exclusive lock on a file, held until this object is destroyed or the process ends, however it ends.
/// Children do not inherit it.
class FileLock {
 public:
  /// Waits for a dead holder until the system has released its lock, and for a living one until it has
  /// written its name, a second at most; never for the lock itself. Writes `holder` (the name of this
  /// process: "sluice up") and the pid into the file ("sluice up, pid 12"). If another process holds it:
  /// Code::failed_precondition, and the message names the holder.
  static Result<FileLock> take(const std::filesystem::path& path, std::string_view holder);
  /// The holder, "sluice up, pid 12"; nothing if the lock is free.
  static Result<std::optional<std::string>> holder_of(const std::filesystem::path& path);

 private:
  explicit FileLock(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace sluice::os
