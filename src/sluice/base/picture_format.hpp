#pragma once
#include <cstddef>
#include <optional>
#include <string_view>

namespace sluice {

enum class PictureFormat { png, jpeg, webp, gif, tiff, bmp, avif, heic };

/// Detects the format of a picture by the file's first bytes, of which `picture_format_bytes` are enough,
/// whatever its name.
std::optional<PictureFormat> picture_format(std::string_view first_bytes);
inline constexpr std::size_t picture_format_bytes = 64;

/// Whether a file of this name says that it is a picture, by its extension. Only its content shows whether it
/// is.
bool has_picture_name(std::string_view name);

}  // namespace sluice
