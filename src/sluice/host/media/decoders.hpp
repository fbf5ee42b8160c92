#pragma once
#include <string>
#include <string_view>

#include "sluice/host/media/picture.hpp"

/// The decoders, one per format; internal to media. Each trusts nothing in the bytes but the magic at the
/// start.
namespace sluice::host::media {

Result<Picture> decode_png(std::string_view bytes);
Result<Picture> decode_jpeg(std::string_view bytes);
Result<Picture> decode_webp(std::string_view bytes);
Result<Picture> decode_gif(std::string_view bytes);
Result<Picture> decode_tiff(std::string_view bytes);
Result<Picture> decode_bmp(std::string_view bytes);
Result<Picture> decode_avif(std::string_view bytes);
Result<Picture> decode_heic(std::string_view bytes);

/// The name of a format that people send by mistake, since the picture can be saved in another one; "" for
/// anything else.
std::string_view unsupported_format(std::string_view first_bytes);

/// "cannot read picture: WHY"
Fail unreadable(std::string_view why);

/// Checks the limits of picture.hpp. `extra` is the decoder's memory besides the 4 bytes per pixel of the
/// result.
Result<void> check_size(std::int64_t width, std::int64_t height, std::int64_t extra = 0);

/// A picture of that size, fully transparent.
Picture blank(int width, int height);

/// Copies row `y` of a picture as it is stored to where it is in the upright picture. `orientation` is from 1
/// to 8.
void place_row(Picture& out, int y, const std::uint8_t* rgba, int orientation);

/// Applies an orientation, numbered as in EXIF and TIFF (1 to 8); any other number leaves the picture
/// unchanged.
Picture upright(Picture picture, int orientation);

}  // namespace sluice::host::media
