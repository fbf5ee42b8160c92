#include <algorithm>
#include <cstring>
#include <memory>

#include <fmt/format.h>

#include "sluice/host/media/decoders.hpp"
#include "sluice/host/media/libheif.hpp"

namespace sluice::host::media {
namespace {

// Of libheif's header.
constexpr int colorspace_rgb = 1;
constexpr int chroma_interleaved_rgba = 11;
constexpr int channel_interleaved = 10;

Fail broken(const HeifError& error) {
  return unreadable(fmt::format("corrupt or truncated HEIC ({})", error.message));
}

}  // namespace

Result<Picture> decode_heic(std::string_view bytes) {
  SLUICE_TRY(library, libheif());
  const std::unique_ptr<HeifContext, void (*)(HeifContext*)> context(library.context_alloc(),
                                                                     library.context_free);
  SLUICE_CHECK(context != nullptr);
  // libheif checks the sizes of the parts of a picture, before it allocates them.
  library.context_set_maximum_image_size_limit(context.get(), side_max);
  if (const auto error =
          library.context_read_from_memory_without_copy(context.get(), bytes.data(), bytes.size(), nullptr);
      error.code != 0)
    return broken(error);
  HeifHandle* found = nullptr;
  if (const auto error = library.context_get_primary_image_handle(context.get(), &found); error.code != 0)
    return broken(error);
  const std::unique_ptr<HeifHandle, void (*)(const HeifHandle*)> handle(found, library.image_handle_release);
  const auto width = library.image_handle_get_width(found);
  const auto height = library.image_handle_get_height(found);
  // Of most files, the colors have half the resolution.
  const auto pixels = std::int64_t{width} * height;
  SLUICE_DO(check_size(width, height, 3 * pixels / 2));
  HeifImage* decoded = nullptr;
  // With its rotation, mirroring and clean aperture applied.
  if (const auto error =
          library.decode_image(found, &decoded, colorspace_rgb, chroma_interleaved_rgba, nullptr);
      error.code != 0)
    return broken(error);
  const std::unique_ptr<HeifImage, void (*)(const HeifImage*)> image(decoded, library.image_release);
  int stride = 0;
  const auto* from = library.image_get_plane_readonly(decoded, channel_interleaved, &stride);
  const int real_width = library.image_get_width(decoded, channel_interleaved);
  const int real_height = library.image_get_height(decoded, channel_interleaved);
  if (from == nullptr) return unreadable("corrupt or truncated HEIC (no pixels)");
  SLUICE_DO(check_size(real_width, real_height));
  auto picture = blank(real_width, real_height);
  const auto row = std::size_t{4} * static_cast<std::size_t>(real_width);
  SLUICE_CHECK(static_cast<std::size_t>(stride) >= row);
  for (std::size_t y = 0; y < static_cast<std::size_t>(real_height); ++y)
    std::memcpy(&picture.rgba[row * y], from + static_cast<std::size_t>(stride) * y, row);
  return picture;
}

}  // namespace sluice::host::media
