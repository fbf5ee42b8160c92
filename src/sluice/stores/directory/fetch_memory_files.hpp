#pragma once
#include <filesystem>
#include <memory>

#include "sluice/base/random.hpp"
#include "sluice/ports/fetch_memory.hpp"

namespace sluice::stores {

/// What was fetched from where, as files below the cache: `FOLDER/KEY`, a JSON text each. A new one replaces
/// a random one when there are `files_max`.
std::unique_ptr<ports::FetchMemory> fetch_memory_files(std::filesystem::path folder, Random& random,
                                                       std::size_t files_max = 10'000);

}  // namespace sluice::stores
