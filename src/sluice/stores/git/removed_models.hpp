#pragma once
// Renames and removals of whole repositories.
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

/// Whether a model whose repository was there is in the trash folder.
Result<bool> is_in_trash(const std::filesystem::path& repository);

/// Renames the model in `repository`, whose lock is held, to `name`, whose repository is then `place`;
/// synced. A crash in between is finished by `finish_renames`. False: there is a model of that name.
Result<bool> rename_repository(Registry& registry, const std::filesystem::path& repository,
                               const std::filesystem::path& place, const std::string& name,
                               const Registry::By& by);

/// Finishes what was interrupted in a workspace's folder: towards the name that is in model.json.
Result<void> finish_renames(const std::filesystem::path& workspace, TagCache& tags);

}  // namespace sluice::stores::git
