#pragma once
#include <filesystem>
#include <memory>

#include "sluice/base/random.hpp"
#include "sluice/ports/secrets.hpp"

namespace sluice::stores {

/// Secrets in files that only their owner may read: `secrets/WORKSPACE.json`, mode 0600 in a folder of mode
/// 0700. One process writes at a time; each read is one of a file, so it sees what was set last.
std::unique_ptr<ports::Secrets> secret_files(std::filesystem::path folder, const Clock& clock,
                                             Random& random);

}  // namespace sluice::stores
