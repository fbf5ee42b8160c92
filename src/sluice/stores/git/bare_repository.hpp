#pragma once
#include <filesystem>
#include <optional>

#include "sluice/os/files.hpp"

namespace sluice::stores::git {

/// Fills an empty folder with a bare repository that has no refs yet, synced. `lfs/objects` becomes a link to
/// `objects`: relative where both lie in one data folder, so that the folder can be moved as a whole.
/// `final_place` is where the repository will be.
Result<void> make_bare(const std::filesystem::path& folder, const std::filesystem::path& final_place,
                       const std::filesystem::path& objects);

/// Renames a finished repository to its place, synced. False: somebody else's is there already.
Result<bool> move_into_place(const std::filesystem::path& built, const std::filesystem::path& place);

/// The right to change one repository, for one thread of one process at a time; ends with its owner, however
/// that ends.
class RepositoryLock {
 public:
  /// Waits. Nothing where the repository is not there. Removes what a writer left that died.
  static Result<std::optional<RepositoryLock>> take(const std::filesystem::path& repository);

 private:
  explicit RepositoryLock(os::UniqueFd fd) : fd_(std::move(fd)) {}
  os::UniqueFd fd_;
};

}  // namespace sluice::stores::git
