#pragma once
#include <string>
#include <string_view>

#include "sluice/host/media/picture.hpp"

/// Inside media only: one decoder a format. Each trusts nothing in the bytes but the magic at their start.
namespace sluice::host::media {

Result<Picture> decode_png(std::string_view bytes);
Result<Picture> decode_jpeg(std::string_view bytes);
Result<Picture> decode_webp(std::string_view bytes);
Result<Picture> decode_gif(std::string_view bytes);
Result<Picture> decode_tiff(std::string_view bytes);

/// "cannot read picture: WHY"
Fail unreadable(std::string_view why);

/// `extra` is what the decoder holds besides the 4 bytes a pixel of the answer.
Result<void> check_size(std::int64_t width, std::int64_t height, std::int64_t extra = 0);

/// An answer of that size, all of it transparent.
Picture blank(int width, int height);

/// `orientation` as EXIF and TIFF number it (1 to 8); anything else leaves the picture as it is.
Picture upright(Picture picture, int orientation);

}  // namespace sluice::host::media
