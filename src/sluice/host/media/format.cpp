#include <algorithm>
#include <array>

#include "sluice/host/media/decoders.hpp"

namespace sluice::host::media {
namespace {

using namespace std::string_view_literals;

struct Magic {
  std::string_view at_start;
  PictureFormat format;
};
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

struct Mistake {
  std::string_view at_start;
  std::string_view name;
};
constexpr std::array mistakes = {
    Mistake{"%PDF"sv, "PDF"},
    Mistake{"<svg"sv, "SVG or XML"},
    Mistake{"<?xml"sv, "SVG or XML"},
    Mistake{"8BPS"sv, "PSD"},
    Mistake{"\xff\x0a"sv, "JPEG XL"},
    Mistake{"\0\0\0\x0cJXL "sv, "JPEG XL"},
    Mistake{"\0\0\0\x0cjP  "sv, "JPEG 2000"},
    Mistake{"\xff\x4f\xff\x51"sv, "JPEG 2000"},
    Mistake{"\0\0\1\0"sv, "ICO"},
};

/// Two letters begin many files; the length of the second header, which is one of a few, is not among
/// letters.
bool is_bmp(std::string_view bytes) {
  constexpr std::array lengths = {12, 16, 40, 52, 56, 64, 108, 124};
  return bytes.size() >= 16 && bytes.starts_with("BM") && bytes[15] == 0 &&
         std::ranges::find(lengths, static_cast<int>(bytes[14])) != lengths.end();
}

}  // namespace

std::optional<PictureFormat> picture_format(std::string_view first_bytes) {
  for (const auto& magic : magics)
    if (first_bytes.starts_with(magic.at_start)) return magic.format;
  if (first_bytes.size() >= 12 && first_bytes.starts_with("RIFF") && first_bytes.substr(8, 4) == "WEBP")
    return PictureFormat::webp;
  if (is_bmp(first_bytes)) return PictureFormat::bmp;
  return std::nullopt;
}

std::string_view unsupported_format(std::string_view first_bytes) {
  for (const auto& mistake : mistakes)
    if (first_bytes.starts_with(mistake.at_start)) return mistake.name;
  if (first_bytes.size() >= 12 && first_bytes.substr(4, 4) == "ftyp") {
    if (first_bytes.substr(8, 4) == "avif") return "AVIF";
    return "HEIC or a video";
  }
  return {};
}

}  // namespace sluice::host::media
