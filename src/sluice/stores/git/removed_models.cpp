#include "sluice/stores/git/removed_models.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "sluice/os/files.hpp"
#include "sluice/stores/git/bare_repository.hpp"
#include "sluice/stores/git/names.hpp"

namespace sluice::stores::git {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view suffix = ".git";
/// Followed by the repository's file name: a rename of it is under way, to the name in the file.
constexpr std::string_view rename_prefix = ".renaming-";
constexpr std::size_t name_bytes_max = std::size_t{1} << 20;

fs::path note_of(const fs::path& repository) {
  return repository.parent_path() / (std::string(rename_prefix) + repository.filename().string());
}

Result<void> forget(const fs::path& note) {
  SLUICE_DO(os::remove_tree(note));
  return os::fsync_directory(note.parent_path());
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

Result<bool> is_in_trash(const fs::path& repository) {
  const auto trash = repository.parent_path() / trash_folder;
  if (!os::exists(trash)) return false;
  SLUICE_TRY(entries, os::list_directory(trash));
  const auto prefix = repository.stem().string() + "=";
  return std::ranges::any_of(entries, [&](const os::DirectoryEntry& entry) {
    return entry.name.starts_with(prefix) && entry.name.rfind('=') + 1 == prefix.size();
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
