#pragma once
#include <string_view>

namespace sluice::host::media {

/// The orientation (1 to 8) that the body of a JPEG's APP1 segment ("Exif\0\0", then a TIFF header) gives; 1
/// where it gives none or is malformed: a picture is not refused for its metadata.
int exif_orientation(std::string_view segment);

}  // namespace sluice::host::media
