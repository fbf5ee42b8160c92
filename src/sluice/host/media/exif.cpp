#include "sluice/host/media/exif.hpp"

#include <cstdint>
#include <optional>

namespace sluice::host::media {
namespace {

using namespace std::string_view_literals;

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

int exif_orientation(std::string_view segment) {
  constexpr auto signature = "Exif\0\0"sv;
  if (!segment.starts_with(signature)) return 1;
  const auto tiff = segment.substr(signature.size());
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
    const auto type = reader.number(entry + 2, 2);
    const auto value = reader.number(entry + 8, 2);
    return type && *type == 3 && value && *value >= 1 && *value <= 8 ? static_cast<int>(*value) : 1;
  }
  return 1;
}

}  // namespace sluice::host::media
