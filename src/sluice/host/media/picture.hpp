#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "sluice/base/result.hpp"

namespace sluice::host::media {

/// A decoded picture: eight bits per channel; red, green, blue and straight (not premultiplied) alpha; rows
/// from the top, without padding.
struct Picture {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> rgba;
};

/// Limits for untrusted pictures. Checked against the file's own header before memory is allocated. Turning a
/// picture that is not a JPEG, and libheif, take as much memory again as the picture.
inline constexpr std::int64_t pixels_max = 50'000'000;
inline constexpr int side_max = 65'535;
inline constexpr std::int64_t memory_max = std::int64_t{256} << 20;

/// For messages: "… is not PNG, JPEG, …".
inline constexpr std::string_view readable_formats = "PNG, JPEG, WebP, GIF, TIFF, BMP, AVIF or HEIC";

/// Decodes any of these formats: of animations the first frame, of TIFF the first page; turned upright where
/// the file gives an orientation. A file that lacks its last bytes is decoded if no pixel depends on them. A
/// JPEG that is too large to be decoded whole is scaled down to what preprocessing needs. HEIC needs libheif,
/// which is loaded when the first one is decoded. Thread-safe. Errors begin "cannot read picture: "; callers
/// prefix the picture's name.
Result<Picture> decode_picture(std::string_view bytes);

}  // namespace sluice::host::media
