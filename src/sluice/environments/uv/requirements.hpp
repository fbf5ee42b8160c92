#pragma once
// Private to this module: what a plan requires, as uv is told of it. Requirements are texts that
// ir::read_requirement reads.
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/base/result.hpp"
#include "sluice/base/value.hpp"
#include "sluice/ports/object_store.hpp"

namespace sluice::environments {

using Requirements = std::vector<std::string>;

/// Code::permission_denied if one names an address, a path or an index that begins with none of `allowed`.
Result<void> check_allowed(const Requirements& requirements, const std::vector<std::string>& allowed);

/// Stores what is required by a path, as it is now: an artifact for each, in order. Code::not_found if it is
/// not there, Code::permission_denied if the path has a symbolic link.
Result<std::vector<Artifact>> store_sources(const Requirements& requirements, ports::ObjectStore& objects);

/// The variable in which uv finds the folder of `copy_sources`.
inline constexpr std::string_view sources_variable = "SLUICE_SOURCES";

/// For one run of uv: building a package may write into its folder.
Result<void> copy_sources(const std::vector<Artifact>& sources, const ports::ObjectStore& objects,
                          const std::filesystem::path& folder);

/// Lines of a file of requirements. Paths are below `$SLUICE_SOURCES`: they hold digests, and nothing of this
/// machine.
struct TextForUv {
  std::string indexes;  ///< options; a lock begins with them
  std::string packages;
};
TextForUv text_for_uv(const Requirements& requirements, const std::vector<Artifact>& sources);

/// The options of uv for the index that is asked instead of the operator's: in a file, uv does not heed it.
/// `lock`: it, or what it begins with.
std::vector<std::string> index_options(std::string_view lock);

}  // namespace sluice::environments
