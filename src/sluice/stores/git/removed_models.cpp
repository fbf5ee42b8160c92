#include "sluice/stores/git/removed_models.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "sluice/base/numbers.hpp"
#include "sluice/os/files.hpp"
#include "sluice/stores/git/bare_repository.hpp"
#include "sluice/stores/git/model_repositories.hpp"
#include "sluice/stores/git/names.hpp"

namespace sluice::stores::git {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view suffix = ".git";
/// Followed by the repository's file name: a rename of it is under way, to the name in the file.
constexpr std::string_view rename_prefix = ".renaming-";
constexpr std::size_t name_bytes_max = std::size_t{1} << 20;
/// In the trash folder: what is being erased.
constexpr std::string_view purge_prefix = ".purging-";
/// In the trash folder, after the file name of a repository: a model of that name was purged.
constexpr std::string_view purged_suffix = "=purged";
/// In a repository: objects may be in its packs that nothing reaches any more.
constexpr std::string_view purge_note = "purging";

fs::path note_of(const fs::path& repository) {
  return repository.parent_path() / (std::string(rename_prefix) + repository.filename().string());
}

/// Leaves only what a ref reaches in the packs. The lock of the repository is held, and that of its merges.
Result<void> drop_unreachable(const fs::path& repository, TagCache& tags) {
  SLUICE_TRY(registry, Registry::open(repository, tags));
  SLUICE_TRY(objects, registry.reachable());
  SLUICE_TRY(folder, os::TemporaryDirectory::make(repository, unfinished_prefix));
  SLUICE_TRY(replaced, Objects::pack_only(repository, folder.path(), objects));
  SLUICE_DO(Objects::replace_packs(repository, folder.path(), replaced));
  return os::fsync_directory(repository / "objects" / "pack");
}

Result<void> forget(const fs::path& note) {
  SLUICE_DO(os::remove_tree(note));
  return os::fsync_directory(note.parent_path());
}

/// What is in the trash folders, relative to `models`.
Result<void> each_in_trash(const fs::path& models,
                           const std::function<Result<void>(const fs::path& entry)>& take) {
  SLUICE_TRY(workspaces, os::list_directory(models));
  for (const auto& workspace : workspaces) {
    const auto trash = fs::path(workspace.name) / trash_folder;
    if (workspace.kind != os::DirectoryEntry::Kind::directory || !os::exists(models / trash)) continue;
    SLUICE_TRY(entries, os::list_directory(models / trash));
    for (const auto& entry : entries) SLUICE_DO(take(trash / entry.name));
  }
  return {};
}

}  // namespace

Result<void> move_to_trash(const fs::path& repository, Time at) {
  const auto trash = repository.parent_path() / trash_folder;
  SLUICE_DO(os::make_directories(trash));
  SLUICE_DO(os::fsync_directory(repository.parent_path()));
  const auto name = repository.stem().string();
  for (int again = 0;; ++again) {
    const auto place = trash / fmt::format("{}={}-{}{}", name, at.time_since_epoch().count(), again, suffix);
    SLUICE_TRY(moved, move_into_place(repository, place));
    if (moved) return os::fsync_directory(repository.parent_path());
  }
}

Result<bool> was_removed(const fs::path& repository) {
  const auto trash = repository.parent_path() / trash_folder;
  if (!os::exists(trash)) return false;
  SLUICE_TRY(entries, os::list_directory(trash));
  const auto prefix = repository.stem().string() + "=";
  return std::ranges::any_of(entries, [&](const os::DirectoryEntry& entry) {
    return entry.name.starts_with(prefix) && entry.name.rfind('=') + 1 == prefix.size();
  });
}

Time removed_at(const fs::path& repository) {
  const auto name = repository.stem().string();
  const auto time = std::string_view(name).substr(std::min(name.rfind('=') + 1, name.size()));
  return Time(Milliseconds(parse_integer<std::int64_t>(time.substr(0, time.find('-'))).value_or(0)));
}

Result<void> purge_model(const fs::path& repository) {
  const auto trash = repository.parent_path();
  const auto name = repository.stem().string();
  const auto note = trash / (name.substr(0, name.rfind('=')) + std::string(purged_suffix));
  SLUICE_DO(os::write_file_atomically(note, "", os::Sync::yes));
  const auto going = trash / (std::string(purge_prefix) + repository.filename().string());
  SLUICE_TRY(moved, move_into_place(repository, going));
  SLUICE_CHECK(moved);  // its name has a number that no other one has
  SLUICE_DO(os::remove_tree(going));
  return os::fsync_directory(trash);
}

Result<void> purge_version(const fs::path& repository, std::int64_t number, TagCache& tags,
                           const Registry::By& by) {
  SLUICE_TRY(merging, MergeLock::acquire(repository, MergeLock::Wait::yes));
  SLUICE_TRY(lock, RepositoryLock::acquire(repository));
  if (!merging || !lock) return {};
  SLUICE_TRY(registry, Registry::open(repository, tags));
  const auto removed = registry.removed();
  if (std::ranges::find(removed, number) == removed.end()) return {};
  const auto note = repository / purge_note;
  SLUICE_DO(os::write_file_atomically(note, "", os::Sync::yes));
  SLUICE_DO(registry.purge_version(number, by));
  SLUICE_DO(registry.commit(by));
  SLUICE_DO(drop_unreachable(repository, tags));
  return forget(note);
}

Result<void> copy_purge_notes(const fs::path& models, const fs::path& to) {
  return each_in_trash(models, [&](const fs::path& entry) -> Result<void> {
    if (!entry.native().ends_with(purged_suffix)) return {};
    SLUICE_DO(os::make_directories((to / entry).parent_path()));
    return os::write_file(to / entry, "");
  });
}

Result<void> finish_purges(const fs::path& models, TagCache& tags) {
  SLUICE_DO(each_in_trash(models, [&](const fs::path& entry) -> Result<void> {
    if (!entry.filename().native().starts_with(purge_prefix)) return {};
    return forget(models / entry);
  }));
  return each_repository(models, [&](const fs::path& place, const std::string&) -> Result<void> {
    const auto repository = models / place;
    if (!os::exists(repository / purge_note)) return {};
    SLUICE_TRY(merging, MergeLock::acquire(repository, MergeLock::Wait::yes));
    SLUICE_TRY(lock, RepositoryLock::acquire(repository));
    if (!merging || !lock) return {};
    SLUICE_DO(drop_unreachable(repository, tags));
    return forget(repository / purge_note);
  });
}

Result<bool> rename_repository(Registry& registry, const fs::path& repository, const fs::path& place,
                               const std::string& name, const Registry::By& by) {
  SLUICE_TRY(before, registry.model_name());
  registry.rename_model(before, name, by);
  if (place == repository) {
    SLUICE_DO(registry.commit(by));
    return true;
  }
  const auto note = note_of(repository);
  SLUICE_DO(os::write_file_atomically(note, name, os::Sync::yes));
  SLUICE_DO(registry.commit(by));
  SLUICE_TRY(moved, move_into_place(repository, place));
  if (!moved) {
    registry.rename_model(name, before, by);
    SLUICE_DO(registry.commit(by));
  }
  SLUICE_DO(forget(note));
  return moved;
}

Result<void> finish_renames(const fs::path& workspace, TagCache& tags) {
  SLUICE_TRY(entries, os::list_directory(workspace));
  for (const auto& entry : entries) {
    if (!entry.name.starts_with(rename_prefix)) continue;
    const auto note = workspace / entry.name;
    const auto repository = workspace / entry.name.substr(rename_prefix.size());
    SLUICE_TRY(name, os::read_file(note, name_bytes_max));
    SLUICE_TRY(lock, RepositoryLock::acquire(repository));
    if (lock) {
      SLUICE_TRY(registry, Registry::open(repository, tags));
      SLUICE_TRY(present, registry.model_name());
      const auto place = workspace / (encode_name(name) + std::string(suffix));
      if (present == name && place != repository) {
        SLUICE_TRY(moved, move_into_place(repository, place));
        if (!moved) {
          // Somebody took the name meanwhile: the model keeps the one that its repository has.
          const auto kept = decode_name(repository.stem().string());
          if (kept) {
            const Registry::By by{.principal = {}, .at = Time{}};
            registry.rename_model(name, *kept, by);
            SLUICE_DO(registry.commit(by));
          }
        }
      }
    }
    SLUICE_DO(forget(note));
  }
  return {};
}

}  // namespace sluice::stores::git
