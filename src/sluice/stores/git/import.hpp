#pragma once
#include <filesystem>
#include <string>

#include "sluice/ports/object_store.hpp"
#include "sluice/stores/git/registry.hpp"

namespace sluice::stores::git {

/// Imports a bare repository that any git may have written into `registry` (which has no refs yet): copies
/// its versions, branch and aliases, with their objects, and its git-lfs objects into the store, each checked
/// against its digest. Changes are in memory until the registry commits.
Result<void> import_repository(const std::filesystem::path& source, const std::string& name,
                               Registry& registry, ports::ObjectStore& store, const Registry::By& by);

}  // namespace sluice::stores::git
