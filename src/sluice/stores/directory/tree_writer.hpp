#pragma once
#include <filesystem>
#include <vector>

#include "sluice/stores/directory/message.hpp"
#include "sluice/stores/directory/object_files.hpp"

namespace sluice::stores::directory {

/// The message of the folder `digest`, which lies `depth` folders below the root of its tree. Refuses one
/// that lies too deep, or has a symlink that may leave the tree.
Result<Message> read_message(const ObjectFiles& objects, const Digest& digest, std::size_t depth);

/// Modes of the written files and folders.
struct Modes {
  mode_t file = 0644;
  mode_t program = 0755;  ///< files with the executable bit
  mode_t folder = 0755;
};

/// Writes the directory `digest` as a new folder, every object checked. Bounded in depth and in the number of
/// entries. After an error, what was written remains.
Result<void> write_tree(const ObjectFiles& objects, const Digest& digest, const std::filesystem::path& to,
                        const Modes& modes);

/// All objects that the directory consists of, each once.
Result<std::vector<Digest>> tree_closure(const ObjectFiles& objects, const Digest& digest);

}  // namespace sluice::stores::directory
