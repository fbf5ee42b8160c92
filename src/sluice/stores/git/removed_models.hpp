#pragma once
// Renames and removals of whole repositories, and purges of what was removed.
#include <filesystem>
#include <functional>
#include <string>

#include "sluice/base/clock.hpp"
#include "sluice/stores/git/registry.hpp"

namespace sluice::stores::git {

/// In the folder of a workspace: removed models, until they are purged.
inline constexpr std::string_view trash_folder = ".trash";

/// Moves a repository, whose lock is held, to the trash folder; synced.
Result<void> move_to_trash(const std::filesystem::path& repository, Time at);

/// Whether a model whose repository was there was removed, purged or not.
Result<bool> was_removed(const std::filesystem::path& repository);

/// When the model was removed whose repository this is, in the trash folder.
Time removed_at(const std::filesystem::path& repository);

/// Erases a removed model; synced. A note of its name stays, so that a built-in model does not come back.
/// What is left by a crash in between is removed by `finish_purges`.
Result<void> purge_model(const std::filesystem::path& repository);

/// Erases a removed version: nothing names it any more, and what nothing else reaches is no longer in the
/// repository; synced. Nothing happens if it is not there. A crash in between is finished by `finish_purges`.
Result<void> purge_version(const std::filesystem::path& repository, std::int64_t number, TagCache& tags,
                           const Registry::By& by);

/// Copies the notes of models that were purged, for a backup.
Result<void> copy_purge_notes(const std::filesystem::path& models, const std::filesystem::path& to);

/// Finishes what was interrupted in a folder of models.
Result<void> finish_purges(const std::filesystem::path& models, TagCache& tags);

/// Renames the model in `repository`, whose lock is held, to `name`, whose repository is then `place`;
/// synced. A crash in between is finished by `finish_renames`. False: there is a model of that name.
Result<bool> rename_repository(Registry& registry, const std::filesystem::path& repository,
                               const std::filesystem::path& place, const std::string& name,
                               const Registry::By& by);

/// Finishes what was interrupted in a workspace's folder: towards the name that is in model.json.
Result<void> finish_renames(const std::filesystem::path& workspace, TagCache& tags);

}  // namespace sluice::stores::git
