#pragma once
#include <filesystem>
#include <optional>
#include <string_view>

#include "sluice/os/files.hpp"

namespace sluice::stores::git {

/// Prefixes of folders in a repository, in which the holder of its lock writes packs, and the one who merges
/// its packs. The next holder of the same lock removes what a dead one left.
inline constexpr std::string_view unfinished_prefix = "new-";
inline constexpr std::string_view merge_prefix = "merge-";

/// Creates a bare repository without refs in an empty folder, synced. `lfs/objects` becomes a link to
/// `objects`: relative where both lie in one data folder, so that the folder can be moved as a whole.
/// `final_path` is where the repository will be.
Result<void> make_bare(const std::filesystem::path& folder, const std::filesystem::path& final_path,
                       const std::filesystem::path& objects);

/// Renames a finished repository to its final path, synced. False: another process's repository already
/// exists there.
Result<bool> move_into_place(const std::filesystem::path& built, const std::filesystem::path& place);

/// An exclusive lock for changes to one repository, held by one thread of one process at a time; it is
/// released with its owner, also when the process dies.
class RepositoryLock {
 public:
  /// Waits for the lock; nullopt if the repository does not exist. Removes what a dead writer left.
  static Result<std::optional<RepositoryLock>> acquire(const std::filesystem::path& repository);

 private:
  explicit RepositoryLock(os::UniqueFd fd) : fd_(std::move(fd)) {}
  os::UniqueFd fd_;
};

/// Held by the one thread of one process that merges packs of a repository. Whoever takes both locks takes
/// this one first: the other is needed at the end of a merge.
class MergeLock {
 public:
  enum class Wait { no, yes };
  /// nullopt: the repository does not exist, or with Wait::no, another one holds the lock. Removes what a
  /// dead holder left.
  static Result<std::optional<MergeLock>> acquire(const std::filesystem::path& repository, Wait wait);

 private:
  explicit MergeLock(os::UniqueFd fd) : fd_(std::move(fd)) {}
  os::UniqueFd fd_;
};

}  // namespace sluice::stores::git
