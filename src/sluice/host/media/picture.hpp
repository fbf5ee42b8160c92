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

/// Limits for untrusted pictures. Checked against the file's own header before memory is allocated.
inline constexpr std::int64_t pixels_max = 50'000'000;
inline constexpr int side_max = 65'535;
inline constexpr std::int64_t memory_max = std::int64_t{256} << 20;

enum class PictureFormat { png, jpeg, webp, gif, tiff };

/// Detects the format by magic bytes, whatever the file's name; 16 bytes are enough.
std::optional<PictureFormat> picture_format(std::string_view first_bytes);

/// Decodes PNG, JPEG, WebP, GIF (its first frame) and TIFF (its first page), turned upright where EXIF or
/// TIFF gives an orientation. Thread-safe. Errors begin "cannot read picture: "; callers prefix the picture's
/// name.
Result<Picture> decode_picture(std::string_view bytes);

}  // namespace sluice::host::media
