#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "sluice/ports/object_store.hpp"
#include "sluice/stores/directory/digest_cache.hpp"
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

/// Lists what is below `root` and selected; digests and sizes of files are not set yet. Refuses what a
/// Directory message cannot represent, and patterns that are not supported, naming them.
/// `left_out` counts the entries that are not listed because they are in Selection::left_out.
Result<Folder> walk(const std::filesystem::path& root, const ports::Selection& selection,
                    std::int64_t& left_out);
/// Builds the tree of these files.
Result<Folder> arrange(const std::vector<ports::TreeFile>& files);

/// Stores one outside file, or finds its digest in the cache.
Result<ports::Stored> store_file(const ObjectFiles& objects, DigestCache& digests, const Clock& clock,
                                 const std::filesystem::path& file, const Digest* expected,
                                 bool follow_symlink);
/// Stores every file of a tree that `walk` found below `root`, with two threads, and sets digests and sizes.
Result<void> store_files(const ObjectFiles& objects, DigestCache& digests, const Clock& clock,
                         const std::filesystem::path& root, Folder& folder);
/// Stores the messages of the tree, from the leaves up.
Result<ports::Stored> store_messages(const ObjectFiles& objects, const Folder& folder);

}  // namespace sluice::stores::directory
