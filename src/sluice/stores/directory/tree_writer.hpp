#pragma once
#include <filesystem>
#include <vector>

#include "sluice/stores/directory/object_files.hpp"

namespace sluice::stores::directory {

/// Modes of what is written.
struct Modes {
  mode_t file = 0644;
  mode_t program = 0755;  ///< files with the executable bit
  mode_t folder = 0755;
};

/// Writes the directory `digest` as a new folder, every object checked. Bounded in depth and in the number of
/// entries, since a few small messages can name one another into a tree that fills a disk. Leaves what it had
/// written after an error.
Result<void> write_tree(const ObjectFiles& objects, const Digest& digest, const std::filesystem::path& to,
                        const Modes& modes);

/// All objects that the directory consists of, each once.
Result<std::vector<Digest>> tree_closure(const ObjectFiles& objects, const Digest& digest);

}  // namespace sluice::stores::directory
