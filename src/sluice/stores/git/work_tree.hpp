#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "sluice/base/result.hpp"

namespace sluice::stores::git {

/// The files and folders below `folder` that git ignores (.gitignore, .git/info/exclude, core.excludesFile),
/// relative to it; of an ignored folder only the folder itself. Empty if `folder` is in no git work tree.
/// Files that git tracks are not ignored. No program is started, whatever the repository's configuration
/// says. Not for model repositories.
Result<std::vector<std::string>> ignored_in_work_tree(const std::filesystem::path& folder);

}  // namespace sluice::stores::git
