#include <fmt/format.h>
#include <webp/decode.h>

#include "sluice/host/media/decoders.hpp"

namespace sluice::host::media {

Result<Picture> decode_webp(std::string_view bytes) {
  const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
  WebPBitstreamFeatures features{};
  if (WebPGetFeatures(data, bytes.size(), &features) != VP8_STATUS_OK)
    return unreadable("corrupt or truncated WebP");
  if (features.has_animation != 0)
    return unreadable("animated WebP is not supported; save one frame as PNG or JPEG");
  // Lossless pictures are decoded as a whole before they are copied; the others in bands.
  const bool whole = features.format != 1 || features.has_alpha != 0;
  SLUICE_DO(check_size(features.width, features.height,
                       whole ? std::int64_t{4} * features.width * features.height : 0));
  auto picture = blank(features.width, features.height);
  if (WebPDecodeRGBAInto(data, bytes.size(), picture.rgba.data(), picture.rgba.size(), 4 * picture.width) ==
      nullptr)
    return unreadable("corrupt or truncated WebP");
  return picture;
}

}  // namespace sluice::host::media
