#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "sluice/ports/object_store.hpp"
#include "sluice/stores/directory/digest_memory.hpp"
#include "sluice/stores/directory/ignore.hpp"
#include "sluice/stores/directory/message.hpp"
#include "sluice/stores/directory/object_files.hpp"

namespace sluice::stores::directory {

constexpr std::size_t folder_depth_max = 100;

/// A whole tree in memory: names and, once its files are stored, their digests.
struct Folder {
  std::string name;
  std::vector<Message::File> files;
  std::vector<Folder> folders;
  std::vector<Message::Symlink> symlinks;
};

/// What lies in `root`, less what the rules ignore; digests and sizes of files are still open. Refuses what a
/// Directory message cannot hold, naming it.
Result<Folder> walk(const std::filesystem::path& root, const IgnoreRules& ignore);
/// The tree of these files.
Result<Folder> arrange(const std::vector<ports::TreeFile>& files);

/// Puts one file from outside in, or finds its digest in the memory.
Result<ports::Stored> store_file(const ObjectFiles& objects, DigestMemory& memory, const Clock& clock,
                                 const std::filesystem::path& file, const Digest* expected,
                                 bool follow_symlink);
/// Puts every file of a tree in that `walk` found below `root`, with two threads, and fills in digests and
/// sizes.
Result<void> store_files(const ObjectFiles& objects, DigestMemory& memory, const Clock& clock,
                         const std::filesystem::path& root, Folder& folder);
/// Puts the messages of the tree in, from the leaves up.
Result<ports::Stored> store_messages(const ObjectFiles& objects, const Folder& folder);

}  // namespace sluice::stores::directory
