#pragma once
#include <cstdint>
#include <functional>
#include <string>

namespace sluice::test {

/// A gray picture of 64 × 64 pixels as an uncompressed TIFF; `shade` gives the brightness at (x, y).
inline std::string drawing(const std::function<int(int, int)>& shade) {
  constexpr int side = 64;
  std::string out("II*\0", 4);
  const auto u16 = [&](unsigned v) { out += {static_cast<char>(v & 255), static_cast<char>(v >> 8 & 255)}; };
  const auto u32 = [&](std::uint32_t v) {
    u16(v & 0xffff);
    u16(v >> 16);
  };
  const auto field = [&](unsigned tag, unsigned type, std::uint32_t value) {  // 3: 16 bits, 4: 32 bits
    u16(tag);
    u16(type);
    u32(1);
    u32(value);
  };
  constexpr std::uint32_t directory = 8 + side * side;
  u32(directory);
  for (int y = 0; y < side; ++y)
    for (int x = 0; x < side; ++x) out.push_back(static_cast<char>(shade(x, y)));
  u16(9);
  field(256, 4, side);         // width
  field(257, 4, side);         // height
  field(258, 3, 8);            // bits
  field(259, 3, 1);            // no compression
  field(262, 3, 1);            // black is zero
  field(273, 4, 8);            // where the pixels are
  field(277, 3, 1);            // samples
  field(278, 4, side);         // rows per strip
  field(279, 4, side * side);  // bytes
  u32(0);
  return out;
}

}  // namespace sluice::test
