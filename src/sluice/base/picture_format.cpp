#include "sluice/base/picture_format.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#include "sluice/base/words.hpp"

namespace sluice {
namespace {

constexpr std::array extensions{".apng", ".avif", ".bmp", ".dib", ".gif", ".heic", ".heif", ".jfif",
                                ".jpe",  ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"};

struct Magic {
  std::string_view at_start;
  PictureFormat format;
};

using namespace std::string_view_literals;
constexpr std::array magics = {
    Magic{"\x89PNG\r\n\x1a\n"sv, PictureFormat::png},
    Magic{"\xff\xd8\xff"sv, PictureFormat::jpeg},
    Magic{"GIF87a"sv, PictureFormat::gif},
    Magic{"GIF89a"sv, PictureFormat::gif},
    Magic{"II*\0"sv, PictureFormat::tiff},
    Magic{"MM\0*"sv, PictureFormat::tiff},
    Magic{"II+\0"sv, PictureFormat::tiff},
    Magic{"MM\0+"sv, PictureFormat::tiff},
};

/// Two letters begin many files; the length of the second header, which is one of a few, is not among
/// letters.
bool is_bmp(std::string_view bytes) {
  constexpr std::array lengths = {12, 16, 40, 52, 56, 64, 108, 124};
  return bytes.size() >= 16 && bytes.starts_with("BM") && bytes[15] == 0 &&
         std::ranges::find(lengths, static_cast<int>(bytes[14])) != lengths.end();
}

/// The format of a file of the ISO base media family: the first brand that names one, of those that it lists.
std::optional<PictureFormat> format_by_brand(std::string_view bytes) {
  if (bytes.size() < 16 || bytes.substr(4, 4) != "ftyp") return std::nullopt;
  std::size_t length = 0;
  for (const char byte : bytes.substr(0, 4)) length = (length << 8) | static_cast<std::uint8_t>(byte);
  bytes = bytes.substr(0, length);
  constexpr std::array avif = {"avif"sv, "avis"sv};
  constexpr std::array heic = {"heic"sv, "heix"sv, "heim"sv, "heis"sv, "hevc"sv, "hevx"sv};
  std::optional<PictureFormat> found;
  for (std::size_t at = 8; at + 4 <= bytes.size(); at += at == 8 ? 8 : 4) {  // at 12 is a version
    const auto brand = bytes.substr(at, 4);
    if (std::ranges::find(avif, brand) != avif.end()) return PictureFormat::avif;
    if (std::ranges::find(heic, brand) != heic.end()) return PictureFormat::heic;
    // Pictures whose coding the file does not name here; libheif has the most decoders.
    if (brand == "mif1" || brand == "msf1") found = PictureFormat::heic;
  }
  return found;
}

}  // namespace

std::optional<PictureFormat> picture_format(std::string_view first_bytes) {
  for (const auto& magic : magics)
    if (first_bytes.starts_with(magic.at_start)) return magic.format;
  if (first_bytes.size() >= 12 && first_bytes.starts_with("RIFF") && first_bytes.substr(8, 4) == "WEBP")
    return PictureFormat::webp;
  if (is_bmp(first_bytes)) return PictureFormat::bmp;
  return format_by_brand(first_bytes);
}

bool has_picture_name(std::string_view name) {
  const auto dot = name.rfind('.');
  return dot != std::string_view::npos && dot > 0 &&
         std::ranges::find(extensions, lower_ascii(name.substr(dot))) != extensions.end();
}

}  // namespace sluice
