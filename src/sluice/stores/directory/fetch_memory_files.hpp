#pragma once
#include <filesystem>
#include <memory>

#include "sluice/base/random.hpp"
#include "sluice/ports/fetch_memory.hpp"

namespace sluice::stores {

/// What was fetched from where, as files below the cache: `FOLDER/KEY`, a JSON text each. At most ten
/// thousand; a new one replaces a random one then.
std::unique_ptr<ports::FetchMemory> fetch_memory_files(std::filesystem::path folder, Random& random);

}  // namespace sluice::stores
