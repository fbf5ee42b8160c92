#include "sluice/base/picture_format.hpp"

#include <algorithm>
#include <array>

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

}  // namespace

std::optional<PictureFormat> picture_format(std::string_view first_bytes) {
  for (const auto& magic : magics)
    if (first_bytes.starts_with(magic.at_start)) return magic.format;
  if (first_bytes.size() >= 12 && first_bytes.starts_with("RIFF") && first_bytes.substr(8, 4) == "WEBP")
    return PictureFormat::webp;
  return std::nullopt;
}

bool has_picture_name(std::string_view name) {
  const auto dot = name.rfind('.');
  return dot != std::string_view::npos && dot > 0 &&
         std::ranges::find(extensions, lower_ascii(name.substr(dot))) != extensions.end();
}

}  // namespace sluice
