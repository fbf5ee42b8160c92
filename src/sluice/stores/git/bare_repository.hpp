#pragma once
#include <filesystem>
#include <optional>

#include "sluice/os/files.hpp"

namespace sluice::stores::git {

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

}  // namespace sluice::stores::git
