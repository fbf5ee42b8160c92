#include <array>

#include "sluice/host/media/decoders.hpp"

namespace sluice::host::media {
namespace {

using namespace std::string_view_literals;

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

}  // namespace

std::string_view unsupported_format(std::string_view first_bytes) {
  for (const auto& mistake : mistakes)
    if (first_bytes.starts_with(mistake.at_start)) return mistake.name;
  if (first_bytes.size() >= 12 && first_bytes.substr(4, 4) == "ftyp") return "a video";
  return {};
}

}  // namespace sluice::host::media
