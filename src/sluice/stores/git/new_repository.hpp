#pragma once
#include <filesystem>
#include <functional>

#include "sluice/base/result.hpp"
#include "sluice/stores/git/registry.hpp"

namespace sluice::stores::git {

/// What a repository is called that is being made, and where: beside the others.
inline constexpr std::string_view new_repository_prefix = ".new-";

/// Makes a repository beside `place`, whose folder is created if it is missing, calls `fill(registry)`, and
/// moves it to `place`. False: there is one already.
Result<bool> make_repository(const std::filesystem::path& place, const std::filesystem::path& objects,
                             TagCache& tags, const std::function<Result<void>(Registry& registry)>& fill);

}  // namespace sluice::stores::git
