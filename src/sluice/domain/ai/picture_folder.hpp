#pragma once
#include <functional>
#include <string>
#include <vector>

#include "sluice/ports/object_store.hpp"

// Public to other domain modules: data sets hold pictures in the same layout.

namespace sluice::ai {

/// What a folder of pictures holds, as every service sees it: symlinks inside the folder are followed; names
/// that begin with a dot and leftovers (`is_leftover`) are passed over, and folders of such names with all
/// that they hold. Sorted by path.
struct PictureFolder {
  std::vector<ports::TreeFile> pictures;  ///< by their content or by their name
  std::vector<std::string> others;        ///< files that are pictures by neither
  std::vector<std::string> folders;
  std::vector<std::string> dangling;  ///< symlinks that lead nowhere
};

/// `name` is the input's name, for the message if the artifact is a file. A file is opened only if its name
/// does not say that it is a picture.
Result<PictureFolder> picture_folder(const ports::ObjectStore& objects, const Artifact& artifact,
                                     const std::string& name);

/// The same of a folder that was listed elsewhere. `first_bytes` returns the first `picture_format_bytes` of
/// a file; "" if it cannot be read.
PictureFolder picture_folder(ports::Listing listing,
                             const std::function<std::string(const ports::TreeFile&)>& first_bytes);

/// "`bird/a.png` is a symlink that leads nowhere; …"
std::string describe_dangling(const std::string& path);

}  // namespace sluice::ai
