#pragma once
#include <filesystem>
#include <vector>

#include "sluice/ports/object_store.hpp"
#include "sluice/stores/directory/folder.hpp"

namespace sluice::stores {

/// What a folder holds that is not in a store.
struct OutsideListing {
  ports::Listing listing;                   ///< its files without digests and sizes
  std::vector<directory::Refused> refused;  ///< entries that no store takes
};

/// Lists a folder as ObjectStore::list would after ObjectStore::put_directory, but reads and stores no file,
/// and continues after what cannot be stored.
Result<OutsideListing> list_outside(const std::filesystem::path& folder, const ports::Selection& selection);

}  // namespace sluice::stores
