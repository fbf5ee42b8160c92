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

void place_row(Picture& out, int y, const std::uint8_t* rgba, int orientation) {
  const bool turned = orientation >= 5;
  const auto width = static_cast<std::ptrdiff_t>(out.width);
  const std::ptrdiff_t row_pixels = turned ? out.height : out.width;
  const std::ptrdiff_t from_end = (turned ? out.width : out.height) - 1 - y;
  std::ptrdiff_t to = 0;  // of the first pixel
  std::ptrdiff_t step = 0;
  switch (orientation) {
    case 2: to = y * width + row_pixels - 1, step = -1; break;
    case 3: to = from_end * width + row_pixels - 1, step = -1; break;
    case 4: to = from_end * width, step = 1; break;
    case 5: to = y, step = width; break;
    case 6: to = from_end, step = width; break;
    case 7: to = (row_pixels - 1) * width + from_end, step = -width; break;
    case 8: to = (row_pixels - 1) * width + y, step = -width; break;
    default: to = y * width, step = 1; break;
  }
  for (std::ptrdiff_t x = 0; x < row_pixels; ++x, rgba += 4, to += step)
    std::memcpy(&out.rgba[static_cast<std::size_t>(4 * to)], rgba, 4);
}

Picture upright(Picture picture, int orientation) {
  if (orientation < 2 || orientation > 8) return picture;
  const bool turned = orientation >= 5;
  auto out = blank(turned ? picture.height : picture.width, turned ? picture.width : picture.height);
  const auto row_bytes = std::size_t{4} * static_cast<std::size_t>(picture.width);
  for (int y = 0; y < picture.height; ++y)
    place_row(out, y, &picture.rgba[row_bytes * static_cast<std::size_t>(y)], orientation);
  return out;
}

}  // namespace sluice::host::media
