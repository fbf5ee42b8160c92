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
/// In a tree, with what is behind symlinks: a few small messages that reference one another can describe a
/// tree that fills a disk.
constexpr std::size_t tree_entries_max = 2'000'000;
/// Of one folder: two million entries with names of a hundred bytes.
constexpr std::size_t message_bytes_max = std::size_t{512} << 20;

/// A whole tree in memory: names and, once its files are stored, their digests.
struct Folder {
  std::string name;
  std::vector<Message::File> files;
  std::vector<Folder> folders;
  std::vector<Message::Symlink> symlinks;
};

/// An entry that a Directory message cannot represent.
struct Refused {
  std::filesystem::path path;
  std::string why;
};

/// What `walk` found.
struct Walked {
  Folder folder;              ///< digests and sizes of its files are not set yet
  std::int64_t left_out = 0;  ///< entries that are not in it because they are in Selection::left_out
  std::vector<Refused> refused;
};
/// Lists what is below `root` and selected. Refuses patterns that are not supported, naming them.
Result<Walked> walk(const std::filesystem::path& root, const ports::Selection& selection);
/// Builds the tree of these files.
Result<Folder> arrange(const std::vector<ports::TreeFile>& files);

/// What is stored must be readable: the limits of reading, for what comes.
struct TreeLimits {
  std::size_t entries = tree_entries_max;
  std::size_t message_bytes = message_bytes_max;
};
/// Refuses a tree that could not be read again, before anything of it is stored. `name` is its name in
/// messages.
Result<void> check_size(const Folder& tree, const std::string& name, const TreeLimits& limits = {});

/// Stores one outside file, or finds its digest in the cache.
Result<ports::Stored> store_file(const ObjectFiles& objects, DigestCache& digests, const Clock& clock,
                                 const std::filesystem::path& file, const Digest* expected,
                                 bool follow_symlink);
/// Stores every file of a tree that `walk` found below `root`, with two threads, and sets digests and sizes.
Result<void> store_files(const ObjectFiles& objects, DigestCache& digests, const Clock& clock,
                         const std::filesystem::path& root, Folder& folder);
/// Stores the messages of the tree, from the leaves up.
Result<ports::Stored> store_messages(const ObjectFiles& objects, const Folder& folder);
/// The digests of the messages that `store_messages` would store.
Result<std::vector<Digest>> messages_of(const Folder& folder);

}  // namespace sluice::stores::directory
