#include <algorithm>
#include <bit>

#include <fmt/format.h>

#include "sluice/host/media/bmp.hpp"
#include "sluice/host/media/decoders.hpp"

namespace sluice::host::media {
namespace {

constexpr std::size_t file_header_bytes = 14;
constexpr std::size_t core_bytes = 12;  // the header of OS/2 1.x: 16-bit sizes, colors of three bytes
constexpr std::size_t info_bytes =
    40;  // all later ones begin with this one; OS/2 2.x may cut it off after 16
constexpr std::size_t longest = 124;
constexpr std::size_t masks_at = 40;

std::uint32_t number(std::string_view bytes, std::size_t at, std::size_t width) {
  std::uint32_t value = 0;
  for (std::size_t i = width; i-- > 0;)
    value = (value << 8) | (at + i < bytes.size() ? static_cast<std::uint8_t>(bytes[at + i]) : 0U);
  return value;
}

/// Sets the masks; returns the bytes between header and color table that they take.
std::size_t read_masks(std::string_view bytes, std::string_view header, BmpHeader& out) {
  if (out.compression != BmpHeader::bit_fields && out.compression != BmpHeader::alpha_bit_fields) {
    if (out.bits == 16) out.masks = {0x7c00, 0x03e0, 0x001f, 0};
    if (out.bits == 32) out.masks = {0xff0000, 0xff00, 0xff, 0};  // the fourth byte means nothing
    return 0;
  }
  // In a header that is too short for them, the masks follow it.
  const bool inside = header.size() > info_bytes;
  const std::size_t count =
      inside ? (header.size() >= masks_at + 16 ? 4 : 3) : (out.compression == BmpHeader::bit_fields ? 3 : 4);
  const auto at = file_header_bytes + (inside ? masks_at : header.size());
  for (std::size_t i = 0; i < count; ++i) out.masks[i] = number(bytes, at + 4 * i, 4);
  return inside ? 0 : 4 * count;
}

Result<void> check_kind(const BmpHeader& header) {
  constexpr std::array depths = {1U, 2U, 4U, 8U, 16U, 24U, 32U};
  if (std::ranges::find(depths, header.bits) == depths.end())
    return unreadable(fmt::format("corrupt BMP ({} bits per pixel)", header.bits));
  const auto compression = header.compression;
  const bool fits = compression == BmpHeader::none || (compression == BmpHeader::rle8 && header.bits == 8) ||
                    (compression == BmpHeader::rle4 && header.bits == 4) ||
                    ((compression == BmpHeader::bit_fields || compression == BmpHeader::alpha_bit_fields) &&
                     (header.bits == 16 || header.bits == 32));
  if (!fits)
    return unreadable(
        fmt::format("this kind of BMP is not supported (compression {} of {} bits per pixel); save it as PNG",
                    compression, header.bits));
  return {};
}

}  // namespace

Result<BmpHeader> bmp_header(std::string_view bytes) {
  const auto length = number(bytes, file_header_bytes, 4);
  if (length < core_bytes || length > longest || bytes.size() < file_header_bytes + length)
    return unreadable("corrupt or truncated BMP (no header of a known kind)");
  const auto header = bytes.substr(file_header_bytes, length);
  const bool core = length == core_bytes;
  BmpHeader out;
  const auto size = [&](std::size_t core_at, std::size_t at) -> std::int64_t {
    if (core) return number(header, core_at, 2);
    return std::bit_cast<std::int32_t>(number(header, at, 4));
  };
  const auto width = size(4, 4);
  auto height = size(6, 8);
  out.from_top = height < 0;
  height = std::abs(height);
  SLUICE_DO(check_size(width, height));
  out.width = static_cast<int>(width);
  out.height = static_cast<int>(height);
  out.bits = number(header, core ? 10 : 14, 2);
  out.compression = core ? std::uint32_t{BmpHeader::none} : number(header, 16, 4);
  SLUICE_DO(check_kind(out));

  const auto table = file_header_bytes + length + read_masks(bytes, header, out);
  const std::size_t color_bytes = core ? 3 : 4;
  const std::size_t all = out.bits <= 8 ? std::size_t{1} << out.bits : 0;
  const std::size_t named = core ? 0 : number(header, 32, 4);
  const auto count = named == 0 ? all : std::min(named, all);
  // Some writers leave the place of the pixels out: it is behind the colors then.
  const std::size_t given = number(bytes, 10, 4);
  const auto pixels = given >= table ? given : table + color_bytes * count;
  for (std::size_t i = 0; i < out.colors.size(); ++i) {
    const auto at = table + color_bytes * i;
    const bool stored = i < count && at + color_bytes <= pixels;
    for (std::size_t c = 0; c < 3; ++c)  // blue first
      out.colors[i][c] = static_cast<std::uint8_t>(stored ? number(bytes, at + 2 - c, 1) : 0);
    out.colors[i][3] = 255;
  }
  out.pixels = bytes.substr(std::min(pixels, bytes.size()));
  return out;
}

}  // namespace sluice::host::media
