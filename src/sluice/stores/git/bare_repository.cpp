#include "sluice/stores/git/bare_repository.hpp"

#include <cerrno>
#include <cstdio>
#include <initializer_list>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sluice::stores::git {
namespace {

namespace fs = std::filesystem;

constexpr const char* lock_name = "sluice.lock";
constexpr const char* merge_lock_name = "merge.lock";
constexpr std::string_view unfinished_refs_prefix = "packed-refs.new-";

// Pushes are refused as a whole (receive.hideRefs): git would write loose refs, which shadow packed ones.
constexpr std::string_view settings = R"([core]
	repositoryformatversion = 0
	filemode = true
	bare = true
	fsync = committed,reference
	fsyncMethod = batch
[gc]
	auto = 0
[receive]
	autogc = false
	fsckObjects = true
	hideRefs = refs
	unpackLimit = 1
[transfer]
	hideRefs = refs/deleted
[uploadpack]
	allowFilter = true
)";

Result<fs::path> link_target(const fs::path& place, const fs::path& objects) {
  std::error_code failure;
  auto absolute = fs::weakly_canonical(objects, failure);
  // models/WORKSPACE/NAME.git beside objects/
  const auto models = failure ? fs::path() : fs::weakly_canonical(place.parent_path(), failure).parent_path();
  if (failure) return Fail(system_error("find " + objects.string(), failure.value()));
  if (models.parent_path() != absolute.parent_path()) return absolute;
  return fs::path("../../../..") / absolute.filename();
}

/// Takes the lock in this file of a repository; nullopt if the repository does not exist, or if the lock is
/// held and `wait` is false.
Result<std::optional<os::UniqueFd>> lock_file(const fs::path& file, bool wait) {
  for (;;) {
    auto fd = os::open_file(file, O_RDWR | O_CREAT, 0644);
    if (!fd) {
      if (fd.error().code == Code::not_found) return std::nullopt;
      return Fail(std::move(fd).error());
    }
    while (flock(fd->get(), wait ? LOCK_EX : LOCK_EX | LOCK_NB) != 0) {
      if (!wait && errno == EWOULDBLOCK) return std::nullopt;
      if (errno != EINTR) return Fail(system_error("lock " + file.string(), errno));
    }
    // While this waited, the repository may have been moved away and another one put in its place.
    struct stat held{};
    struct stat current{};
    if (fstat(fd->get(), &held) == 0 && stat(file.c_str(), &current) == 0 && held.st_ino == current.st_ino &&
        held.st_dev == current.st_dev)
      return std::move(*fd);
  }
}

Result<void> remove_beginning_with(const fs::path& repository,
                                   std::initializer_list<std::string_view> prefixes) {
  SLUICE_TRY(entries, os::list_directory(repository));
  for (const auto& entry : entries)
    for (const auto prefix : prefixes)
      if (entry.name.starts_with(prefix)) SLUICE_DO(os::remove_tree(repository / entry.name));
  return {};
}

}  // namespace

Result<void> make_bare(const fs::path& folder, const fs::path& final_path, const fs::path& objects) {
  for (const auto* name : {"objects/pack", "refs", "lfs"}) SLUICE_DO(os::make_directories(folder / name));
  SLUICE_DO(os::write_file(folder / "HEAD", "ref: refs/heads/main\n"));
  SLUICE_DO(os::write_file(folder / "config", settings));
  for (const auto* name : {lock_name, merge_lock_name}) SLUICE_DO(os::write_file(folder / name, ""));
  const auto link = folder / "lfs" / "objects";
  SLUICE_TRY(target, link_target(final_path, objects));
  if (symlink(target.c_str(), link.c_str()) != 0)
    return Fail(system_error("create symlink " + link.string(), errno));
  SLUICE_DO(os::set_mode(folder, 0755));
  for (const auto* name : {"HEAD", "config"}) SLUICE_DO(os::fsync_file(folder / name));
  for (const auto* name : {"objects", "lfs", ""}) SLUICE_DO(os::fsync_directory(folder / name));
  return {};
}

Result<bool> move_into_place(const fs::path& built, const fs::path& place) {
  if (renameat2(AT_FDCWD, built.c_str(), AT_FDCWD, place.c_str(), RENAME_NOREPLACE) != 0) {
    if (errno == EEXIST) return false;
    return Fail(system_error("rename to " + place.string(), errno));
  }
  SLUICE_DO(os::fsync_directory(place.parent_path()));
  return true;
}

Result<std::optional<RepositoryLock>> RepositoryLock::acquire(const fs::path& repository) {
  SLUICE_TRY(fd, lock_file(repository / lock_name, true));
  if (!fd) return std::nullopt;
  SLUICE_DO(remove_beginning_with(repository, {unfinished_prefix, unfinished_refs_prefix}));
  return RepositoryLock(std::move(*fd));
}

Result<std::optional<MergeLock>> MergeLock::acquire(const fs::path& repository, Wait wait) {
  // Created here in repositories of an older Sluice.
  SLUICE_TRY(fd, lock_file(repository / merge_lock_name, wait == Wait::yes));
  if (!fd) return std::nullopt;
  SLUICE_DO(remove_beginning_with(repository, {merge_prefix}));
  return MergeLock(std::move(*fd));
}

}  // namespace sluice::stores::git
