#include "sluice/api/openinference/picture_magic.hpp"

#include <algorithm>
#include <array>

namespace sluice::api {

using namespace std::string_view_literals;

bool begins_as_picture(std::string_view bytes) {
  constexpr std::array magics{"\x89PNG"sv, "\xff\xd8\xff"sv, "GIF8"sv, "II*\0"sv, "MM\0*"sv};
  if (std::ranges::any_of(magics, [&](auto magic) { return bytes.starts_with(magic); })) return true;
  if (bytes.size() < 12) return false;
  const auto at = [&](std::size_t from, std::string_view magic) {
    return bytes.substr(from, magic.size()) == magic;
  };
  if (at(0, "RIFF") && at(8, "WEBP")) return true;
  if (at(4, "ftyp") && bytes[0] == '\0') return true;  // AVIF, HEIC
  return at(0, "BM") && at(6, "\0\0\0\0"sv);           // two fields of BMP that are always zero
}

}  // namespace sluice::api
