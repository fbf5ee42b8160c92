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

/// The path as a message can carry it, to people and in JSON: as it is, or percent-encoded if it is not
/// UTF-8.
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
  /// Gives the descriptor away.
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1);

 private:
  int fd_ = -1;
};

/// open(2) with O_CLOEXEC added. `mode` is for files that are made.
Result<UniqueFd> open_file(const std::filesystem::path& path, int flags, mode_t mode = 0644);

/// The whole file; Code::too_large where it is longer than `bytes_max`. Never waits: a pipe or a device is
/// refused.
Result<std::string> read_file(const std::filesystem::path& path,
                              std::size_t bytes_max = std::size_t{64} << 20);
/// Everything from `fd` on; the same limits. For files of /proc, whose size is not known before.
Result<std::string> read_all(int fd, std::size_t bytes_max = std::size_t{64} << 20);
/// Calls `take` with everything from `fd` on, block by block. Stops at the first error, of reading or of
/// `take`. `name` is what a message calls it.
Result<void> read_blocks(int fd, const std::filesystem::path& name,
                         const std::function<Result<void>(std::string_view)>& take);
/// The last `bytes_max` bytes, or all of a shorter file.
Result<std::string> read_tail(const std::filesystem::path& path, std::size_t bytes_max);

enum class Sync { no, yes };

/// Makes or replaces the file, in place: a reader may see half of it.
Result<void> write_file(const std::filesystem::path& path, std::string_view bytes, mode_t mode = 0644);
/// Makes or replaces the file as a whole (a temporary one beside it, then rename). With Sync::yes it is on
/// the disk, and its name too, when this returns.
Result<void> write_file_atomically(const std::filesystem::path& path, std::string_view bytes, Sync sync,
                                   mode_t mode = 0644);
/// All of `bytes`, with short writes and EINTR seen to.
Result<void> write_fd(int fd, std::string_view bytes);

/// Copies a regular file to `to`, which must not exist; shares blocks where the file system can. Keeps
/// whether it is executable, nothing else. Answers the bytes copied.
Result<std::uint64_t> copy_file(const std::filesystem::path& from, const std::filesystem::path& to);

/// mkdir -p.
Result<void> make_directories(const std::filesystem::path& path);
/// Removes a file, or a folder with all in it. Never follows a symlink, gives itself the right to enter
/// folders that it lacks; nothing there is no error. Goes on after a failure, and answers the first.
Result<void> remove_tree(const std::filesystem::path& path);

/// Removes the entries of `folder` whose names begin with `prefix` and that were not modified for a day (of a
/// folder: nothing was added to it or removed): what processes left that died while they made it. Goes on
/// after a failure, and answers the first.
Result<void> remove_abandoned(const std::filesystem::path& folder, Time now, std::string_view prefix = {});

struct DirectoryEntry {
  enum class Kind { file, directory, symlink, other } kind = Kind::other;
  std::string name;
};
/// Sorted by name; without "." and "..".
Result<std::vector<DirectoryEntry>> list_directory(const std::filesystem::path& path);
/// All that is below `folder` and no folder itself, as paths relative to it, sorted; nothing where there is
/// no `folder`. Symlinks below it are not followed.
Result<std::vector<std::filesystem::path>> files_below(const std::filesystem::path& folder);

/// chmod: follows symlinks, and heeds no umask.
Result<void> set_mode(const std::filesystem::path& path, mode_t mode);

/// True also of a symlink that leads nowhere; false of what we may not look at.
[[nodiscard]] bool exists(const std::filesystem::path& path);

Result<void> fsync_file(const std::filesystem::path& path);
/// Makes names in the folder durable.
Result<void> fsync_directory(const std::filesystem::path& path);

/// What is left for us on the file system that holds `path`.
Result<std::uint64_t> free_bytes(const std::filesystem::path& path);

/// A new, empty folder (mode 0700) that goes with its owner.
class TemporaryDirectory {
 public:
  /// `parent` must exist. The name is `prefix` and six characters of chance.
  static Result<TemporaryDirectory> make(const std::filesystem::path& parent,
                                         std::string_view prefix = "tmp-");
  /// In the system's folder for such: $TMPDIR, or /tmp.
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

/// An exclusive lock on a file, held as long as this lives or until the process ends, however it ends.
/// Children do not inherit it.
class FileLock {
 public:
  /// Waits for a holder that is dead until the system has noticed, and for a living one until it has written
  /// its name, a second at most; never for the lock itself. Writes `holder` (who we are: "sluice up") and our
  /// pid into the file ("sluice up, pid 12"). Where another holds it: Code::failed_precondition, and the
  /// message says who.
  static Result<FileLock> take(const std::filesystem::path& path, std::string_view holder);
  /// Who holds it, "sluice up, pid 12"; nothing where the lock is free.
  static Result<std::optional<std::string>> holder_of(const std::filesystem::path& path);

 private:
  explicit FileLock(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace sluice::os
