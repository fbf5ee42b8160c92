#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
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
/// picture by a quarter takes as much memory again as the picture.
inline constexpr std::int64_t pixels_max = 50'000'000;
inline constexpr int side_max = 65'535;
inline constexpr std::int64_t memory_max = std::int64_t{256} << 20;

enum class PictureFormat { png, jpeg, webp, gif, tiff, bmp };

/// For messages: "… is not PNG, JPEG, …".
inline constexpr std::string_view readable_formats = "PNG, JPEG, WebP, GIF, TIFF or BMP";

/// Detects the format by the file's first bytes, of which `format_bytes` are enough, whatever its name.
std::optional<PictureFormat> picture_format(std::string_view first_bytes);
inline constexpr std::size_t format_bytes = 16;

/// Decodes any of these formats: of animations the first frame, of TIFF the first page; turned upright where
/// the file gives an orientation. A file that lacks its last bytes is decoded if no pixel depends on them. A
/// JPEG that is too large to be decoded whole is scaled down to what preprocessing needs. Thread-safe. Errors
/// begin "cannot read picture: "; callers prefix the picture's name.
Result<Picture> decode_picture(std::string_view bytes);

}  // namespace sluice::host::media
