#pragma once
#include <string_view>

namespace sluice::host::media {

/// The orientation (1 to 8) in EXIF metadata: a TIFF header and its directory, which JPEG and some writers of
/// WebP put behind "Exif\0\0". 1 where it gives none or is malformed: a picture is not refused for its
/// metadata.
int exif_orientation(std::string_view exif);

/// The same, of the text "Raw profile type exif" in which ImageMagick stored EXIF before PNG had a chunk for
/// it: a name, a length, and hexadecimal digits.
int raw_profile_orientation(std::string_view text);

}  // namespace sluice::host::media
