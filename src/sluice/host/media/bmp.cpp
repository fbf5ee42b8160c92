#include "sluice/host/media/bmp.hpp"

#include <algorithm>
#include <bit>

#include "sluice/host/media/decoders.hpp"

namespace sluice::host::media {
namespace {

/// The bits of one channel in a pixel, scaled to 0 to 255.
class Channel {
 public:
  explicit Channel(std::uint32_t mask)
      : mask_(mask), shift_(mask == 0 ? 0 : std::countr_zero(mask)), most_(mask >> shift_) {}

  [[nodiscard]] std::uint8_t of(std::uint32_t pixel, std::uint8_t without) const {
    if (most_ == 0) return without;
    return static_cast<std::uint8_t>(std::uint64_t{(pixel & mask_) >> shift_} * 255 / most_);
  }

 private:
  std::uint32_t mask_;
  int shift_;
  std::uint64_t most_;
};

using Pixel = std::array<std::uint8_t, 4>;

/// Calls `pixel(bytes of a row, x)` for each pixel.
void fill(const BmpHeader& header, std::size_t stride, Picture& picture, const auto& pixel) {
  for (int y = 0; y < header.height; ++y) {
    const auto* from =
        reinterpret_cast<const std::uint8_t*>(header.pixels.data()) + stride * static_cast<std::size_t>(y);
    auto* to = &picture.rgba[std::size_t{4} * static_cast<std::size_t>(header.row(y)) *
                             static_cast<std::size_t>(header.width)];
    for (std::size_t x = 0; x < static_cast<std::size_t>(header.width); ++x, to += 4)
      std::ranges::copy(pixel(from, x), to);
  }
}

bool transparent_everywhere(const Picture& picture) {
  for (std::size_t i = 3; i < picture.rgba.size(); i += 4)
    if (picture.rgba[i] != 0) return false;
  return true;
}

}  // namespace

Result<Picture> decode_bmp(std::string_view bytes) {
  SLUICE_TRY(header, bmp_header(bytes));
  if (header.compression == BmpHeader::rle8 || header.compression == BmpHeader::rle4)
    return decode_bmp_runs(header);
  const auto row_bits = std::size_t{header.bits} * static_cast<std::size_t>(header.width);
  const auto stride = (row_bits + 31) / 32 * 4;
  // The padding of the last row may be missing.
  const auto needed = stride * static_cast<std::size_t>(header.height - 1) + (row_bits + 7) / 8;
  if (header.pixels.size() < needed) return unreadable("corrupt or truncated BMP (picture data is missing)");
  auto picture = blank(header.width, header.height);
  if (header.bits <= 8) {
    const std::size_t per_byte = 8 / header.bits;
    const unsigned mask = (1U << header.bits) - 1;
    fill(header, stride, picture, [&](const std::uint8_t* row, std::size_t x) {
      const auto shift = header.bits * static_cast<std::uint32_t>(per_byte - 1 - x % per_byte);
      return header.colors[(unsigned{row[x / per_byte]} >> shift) & mask];
    });
  } else if (header.bits == 24) {
    fill(header, stride, picture, [](const std::uint8_t* row, std::size_t x) {
      return Pixel{row[3 * x + 2], row[3 * x + 1], row[3 * x], 255};
    });
  } else {
    const std::array channels = {Channel(header.masks[0]), Channel(header.masks[1]), Channel(header.masks[2]),
                                 Channel(header.masks[3])};
    fill(header, stride, picture, [&](const std::uint8_t* row, std::size_t x) {
      std::uint32_t pixel = 0;
      for (std::size_t i = header.bits / 8; i-- > 0;) pixel = (pixel << 8) | row[header.bits / 8 * x + i];
      return Pixel{channels[0].of(pixel, 0), channels[1].of(pixel, 0), channels[2].of(pixel, 0),
                   channels[3].of(pixel, 255)};
    });
    // Many programs announce an alpha channel and leave it 0.
    if (transparent_everywhere(picture))
      for (std::size_t i = 3; i < picture.rgba.size(); i += 4) picture.rgba[i] = 255;
  }
  return picture;
}

}  // namespace sluice::host::media
