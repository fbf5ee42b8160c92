#include "sluice/host/media/exif.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>

namespace sluice::host::media {
namespace {

using namespace std::string_view_literals;

constexpr std::size_t segment_max = 65'536;  // EXIF is no longer than a segment of a JPEG

class ExifReader {
 public:
  ExifReader(std::string_view bytes, bool little) : bytes_(bytes), little_(little) {}

  [[nodiscard]] std::optional<std::uint32_t> number(std::size_t at, std::size_t width) const {
    if (at > bytes_.size() || width > bytes_.size() - at) return std::nullopt;
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < width; ++i)
      value = (value << 8) | static_cast<std::uint8_t>(bytes_[at + (little_ ? width - 1 - i : i)]);
    return value;
  }

 private:
  std::string_view bytes_;
  bool little_;
};

}  // namespace

int exif_orientation(std::string_view exif) {
  constexpr auto signature = "Exif\0\0"sv;
  const auto tiff = exif.starts_with(signature) ? exif.substr(signature.size()) : exif;
  const bool little = tiff.starts_with("II*\0"sv);
  if (!little && !tiff.starts_with("MM\0*"sv)) return 1;
  const ExifReader reader(tiff, little);
  const auto directory = reader.number(4, 4);
  if (!directory) return 1;
  const auto entries = reader.number(*directory, 2);
  if (!entries) return 1;
  for (std::size_t i = 0; i < *entries; ++i) {
    const std::size_t entry = std::size_t{*directory} + 2 + 12 * i;
    const auto tag = reader.number(entry, 2);
    if (!tag) return 1;
    if (*tag != 0x0112) continue;
    // A SHORT by the standard; some writers store a LONG.
    const auto type = reader.number(entry + 2, 2);
    const auto value = reader.number(entry + 8, type == 4U ? 4 : 2);
    return (type == 3U || type == 4U) && value && *value >= 1 && *value <= 8 ? static_cast<int>(*value) : 1;
  }
  return 1;
}

int raw_profile_orientation(std::string_view text) {
  const auto next_word = [&] {
    text.remove_prefix(std::min(text.find_first_not_of(" \n"), text.size()));
    const auto word = text.substr(0, text.find_first_of(" \n"));
    text.remove_prefix(word.size());
    return word;
  };
  std::ignore = next_word();  // "exif"
  std::ignore = next_word();  // the number of bytes
  std::string exif;
  for (auto digits = next_word(); !digits.empty() && exif.size() < segment_max; digits = next_word()) {
    for (; digits.size() >= 2; digits.remove_prefix(2)) {
      std::uint8_t byte = 0;
      const auto [end, error] = std::from_chars(digits.data(), digits.data() + 2, byte, 16);
      if (error != std::errc() || end != digits.data() + 2) return 1;
      exif.push_back(static_cast<char>(byte));
    }
  }
  return exif_orientation(exif);
}

}  // namespace sluice::host::media
