#pragma once
#include <array>
#include <cstdint>
#include <string_view>

#include "sluice/host/media/picture.hpp"

/// A BMP as its header describes it; shared by the sources that decode BMP.
namespace sluice::host::media {

struct BmpHeader {
  enum Compression : std::uint32_t {
    none = 0,
    rle8 = 1,
    rle4 = 2,
    bit_fields = 3,
    jpeg = 4,
    png = 5,
    alpha_bit_fields = 6
  };

  int width = 0;
  int height = 0;
  bool from_top = false;   ///< the order of the rows in the file
  std::uint32_t bits = 0;  ///< per pixel: 1, 2, 4, 8 (numbers of colors), 16, 24 or 32
  std::uint32_t compression = none;
  std::array<std::uint32_t, 4> masks{};                   ///< bits of red, green, blue, alpha; 16 and 32 only
  std::array<std::array<std::uint8_t, 4>, 256> colors{};  ///< red, green, blue, 255; black beyond the table
  std::string_view pixels;                                ///< from the first one to the end of the file

  /// Where a row of the file, counted from the first stored, is in the picture.
  [[nodiscard]] int row(int stored) const { return from_top ? stored : height - 1 - stored; }
};

/// Checks that Sluice decodes this kind of BMP and that its size is within the limits. Allocates nothing.
Result<BmpHeader> bmp_header(std::string_view bytes);

/// Decodes `rle8` and `rle4`. What the file skips is transparent.
Result<Picture> decode_bmp_runs(const BmpHeader& header);

}  // namespace sluice::host::media
