#include "sluice/stores/git/new_repository.hpp"

#include "sluice/os/files.hpp"
#include "sluice/stores/git/bare_repository.hpp"

namespace sluice::stores::git {

Result<bool> make_repository(const std::filesystem::path& place, const std::filesystem::path& objects,
                             TagCache& tags, const std::function<Result<void>(Registry& registry)>& fill) {
  const auto folder = place.parent_path();
  if (!os::exists(folder)) {
    SLUICE_DO(os::make_directories(folder));
    SLUICE_DO(os::fsync_directory(folder.parent_path()));
  }
  SLUICE_TRY(built, os::TemporaryDirectory::make(folder, new_repository_prefix));
  SLUICE_DO(make_bare(built.path(), place, objects));
  {
    SLUICE_TRY(registry, Registry::open(built.path(), tags));
    SLUICE_DO(fill(registry));
  }
  SLUICE_TRY(moved, move_into_place(built.path(), place));
  if (moved) static_cast<void>(built.release());
  return moved;
}

}  // namespace sluice::stores::git
