#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "sluice/base/result.hpp"

namespace sluice::host::media {

/// Eight bits a channel; red, green, blue and straight (not premultiplied) alpha; rows from the top, without
/// gaps.
struct Picture {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> rgba;
};

/// What a picture from outside may cost. Checked against the file's own header before memory is taken.
inline constexpr std::int64_t pixels_max = 50'000'000;
inline constexpr int side_max = 65'535;
inline constexpr std::int64_t memory_max = std::int64_t{256} << 20;

enum class PictureFormat { png, jpeg, webp, gif, tiff };

/// By magic bytes, whatever the file is called; 16 bytes are enough.
std::optional<PictureFormat> picture_format(std::string_view first_bytes);

/// PNG, JPEG, WebP, GIF (its first frame) and TIFF (its first page), turned upright where EXIF or TIFF says
/// how it was held. Thread-safe. Errors begin "cannot read picture: "; callers put the picture's name in
/// front.
Result<Picture> decode_picture(std::string_view bytes);

}  // namespace sluice::host::media
