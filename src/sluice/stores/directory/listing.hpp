#pragma once
#include "sluice/ports/object_store.hpp"
#include "sluice/stores/directory/folder.hpp"
#include "sluice/stores/directory/object_files.hpp"

namespace sluice::stores::directory {

/// See ports::ObjectStore::list. Bounded in depth and in the number of entries, those behind symlinks
/// included.
Result<ports::Listing> list_tree(const ObjectFiles& objects, const Digest& digest);

/// The same of a tree in memory. `name` is its name in messages.
Result<ports::Listing> list_tree(Folder folder, const std::string& name);

}  // namespace sluice::stores::directory
