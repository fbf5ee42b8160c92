#pragma once
#include <filesystem>
#include <vector>

#include "sluice/stores/directory/object_files.hpp"

namespace sluice::stores::directory {

/// Modes of the written files and folders.
struct Modes {
  mode_t file = 0644;
  mode_t program = 0755;  ///< files with the executable bit
  mode_t folder = 0755;
};

/// Writes the directory `digest` as a new folder, every object checked. Bounded in depth and in the number of
/// entries, since a few small messages that reference one another can describe a tree that fills a disk.
/// After an error, what was written remains.
Result<void> write_tree(const ObjectFiles& objects, const Digest& digest, const std::filesystem::path& to,
                        const Modes& modes);

/// All objects that the directory consists of, each once.
Result<std::vector<Digest>> tree_closure(const ObjectFiles& objects, const Digest& digest);

}  // namespace sluice::stores::directory
