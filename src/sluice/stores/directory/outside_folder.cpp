#include "sluice/stores/directory/outside_folder.hpp"

#include "sluice/os/files.hpp"
#include "sluice/stores/directory/folder.hpp"
#include "sluice/stores/directory/listing.hpp"

namespace sluice::stores {

Result<OutsideListing> list_outside(const std::filesystem::path& folder, const ports::Selection& selection) {
  SLUICE_TRY(walked, directory::walk(folder, selection));
  SLUICE_TRY(listing, directory::list_tree(std::move(walked.folder), os::printable(folder)));
  return OutsideListing{.listing = std::move(listing), .refused = std::move(walked.refused)};
}

}  // namespace sluice::stores
