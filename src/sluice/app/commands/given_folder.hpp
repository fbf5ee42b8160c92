#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "sluice/ports/object_store.hpp"

namespace sluice::app {

/// What of a folder that a person gives is taken: all but leftovers and what its .sluiceignore names.
Result<ports::Selection> select_input(const std::filesystem::path& folder);

/// Likewise for a folder of code: in a git work tree, what git ignores is not code, unless one of `arguments`
/// (those of the tasks that run there) names it.
Result<ports::Selection> select_code(const std::filesystem::path& folder,
                                     const std::vector<std::string>& arguments);

}  // namespace sluice::app
