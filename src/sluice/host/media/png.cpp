#include <memory>

#include <fmt/format.h>
#include <spng.h>

#include "sluice/host/media/decoders.hpp"

namespace sluice::host::media {

Result<Picture> decode_png(std::string_view bytes) {
  const std::unique_ptr<spng_ctx, void (*)(spng_ctx*)> context(spng_ctx_new(0), spng_ctx_free);
  SLUICE_CHECK(context != nullptr);
  const auto failed = [](int error) {
    if (error == SPNG_ECHUNK_LIMITS)
      return unreadable("text or a color profile in this PNG unpacks to over 8 MiB; save it without");
    return unreadable(fmt::format("corrupt or truncated PNG ({})", spng_strerror(error)));
  };
  // Text and color profiles are not used, so the limit for their unpacked size is small.
  spng_set_chunk_limits(context.get(), std::size_t{8} << 20, std::size_t{16} << 20);
  if (const int error = spng_set_png_buffer(context.get(), bytes.data(), bytes.size())) return failed(error);
  spng_ihdr header{};
  if (const int error = spng_get_ihdr(context.get(), &header)) return failed(error);
  SLUICE_DO(check_size(header.width, header.height));
  std::size_t size = 0;
  if (const int error = spng_decoded_image_size(context.get(), SPNG_FMT_RGBA8, &size)) return failed(error);
  auto picture = blank(static_cast<int>(header.width), static_cast<int>(header.height));
  SLUICE_CHECK(size == picture.rgba.size());
  if (const int error =
          spng_decode_image(context.get(), picture.rgba.data(), size, SPNG_FMT_RGBA8, SPNG_DECODE_TRNS))
    return failed(error);
  return picture;
}

}  // namespace sluice::host::media
