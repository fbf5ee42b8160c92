#pragma once
#include <filesystem>
#include <string>

#include "sluice/base/result.hpp"

namespace sluice::runtimes {

/// Copies the network that a host has compiled from its scratch folder to where later hosts look for it. The
/// host may be hostile: only a regular file of the expected name and size is taken, and copied, so that the
/// host keeps no way to change it. To be called before the host was sent a picture.
Result<void> keep_compiled_network(const std::filesystem::path& scratch, const std::string& name,
                                   const std::filesystem::path& compiled);

}  // namespace sluice::runtimes
