#include "sluice/host/media/picture.hpp"

#include <cstring>

#include <fmt/format.h>

#include "sluice/base/picture_format.hpp"
#include "sluice/host/media/decoders.hpp"

namespace sluice::host::media {
Result<Picture> decode_picture(std::string_view bytes) {
  if (bytes.empty()) return unreadable("it is empty");
  const auto format = picture_format(bytes);
  if (!format) {
    const auto unsupported = unsupported_format(bytes);
    if (unsupported.empty()) return unreadable(fmt::format("it is not {}", readable_formats));
    return unreadable(fmt::format("{} is not supported; save it as PNG or JPEG", unsupported));
  }
  switch (*format) {
    case PictureFormat::png: return decode_png(bytes);
    case PictureFormat::jpeg: return decode_jpeg(bytes);
    case PictureFormat::webp: return decode_webp(bytes);
    case PictureFormat::gif: return decode_gif(bytes);
    case PictureFormat::tiff: return decode_tiff(bytes);
    case PictureFormat::bmp: return decode_bmp(bytes);
    case PictureFormat::avif: return decode_avif(bytes);
    case PictureFormat::heic: return decode_heic(bytes);
  }
  return unreadable("unrecognized format");
}

Fail unreadable(std::string_view why) {
  return Fail(user_error(Code::invalid_argument, fmt::format("cannot read picture: {}", why)));
}

Result<void> check_size(std::int64_t width, std::int64_t height, std::int64_t extra) {
  if (width <= 0 || height <= 0) return unreadable("it has no pixels");
  if (width > side_max || height > side_max)
    return Fail(user_error(
        Code::too_large,
        fmt::format("cannot read picture: {} x {} pixels are over the limit of {} per side; make it smaller",
                    width, height, side_max)));
  if (width * height > pixels_max)
    return Fail(user_error(
        Code::too_large,
        fmt::format("cannot read picture: {} x {} is over the limit of {} megapixels; make it smaller", width,
                    height, pixels_max / 1'000'000)));
  if (extra > memory_max - 4 * width * height)
    return Fail(user_error(
        Code::too_large,
        fmt::format("cannot read picture: decoding it needs over {} MiB; make it smaller, or save it "
                    "without progressive coding",
                    memory_max >> 20)));
  return {};
}

Picture blank(int width, int height) {
  return {.width = width,
          .height = height,
          .rgba = std::vector<std::uint8_t>(std::size_t{4} * static_cast<std::size_t>(width) *
                                            static_cast<std::size_t>(height))};
}

Picture upright(Picture picture, int orientation) {
  if (orientation < 2 || orientation > 8) return picture;
  const bool turned = orientation >= 5;
  auto out = blank(turned ? picture.height : picture.width, turned ? picture.width : picture.height);
  const int w = picture.width;
  const int h = picture.height;
  for (int y = 0; y < h; ++y) {
    for (int x = 0; x < w; ++x) {
      int to_x = x;
      int to_y = y;
      switch (orientation) {
        case 2: to_x = w - 1 - x; break;
        case 3:
          to_x = w - 1 - x;
          to_y = h - 1 - y;
          break;
        case 4: to_y = h - 1 - y; break;
        case 5:
          to_x = y;
          to_y = x;
          break;
        case 6:
          to_x = h - 1 - y;
          to_y = x;
          break;
        case 7:
          to_x = h - 1 - y;
          to_y = w - 1 - x;
          break;
        default:
          to_x = y;
          to_y = w - 1 - x;
          break;  // 8
      }
      const auto from =
          4 * (static_cast<std::size_t>(y) * static_cast<std::size_t>(w) + static_cast<std::size_t>(x));
      const auto to = 4 * (static_cast<std::size_t>(to_y) * static_cast<std::size_t>(out.width) +
                           static_cast<std::size_t>(to_x));
      std::memcpy(&out.rgba[to], &picture.rgba[from], 4);
    }
  }
  return out;
}

}  // namespace sluice::host::media
