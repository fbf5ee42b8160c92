#include <memory>

#include <fmt/format.h>
#include <spng.h>

#include "sluice/host/media/decoders.hpp"
#include "sluice/host/media/png_source.hpp"

namespace sluice::host::media {
namespace {

int read_bytes(spng_ctx*, void* source, void* into, std::size_t length) {
  return static_cast<PngSource*>(source)->read(static_cast<char*>(into), length) ? 0 : SPNG_IO_EOF;
}

}  // namespace

Result<Picture> decode_png(std::string_view bytes) {
  const std::unique_ptr<spng_ctx, void (*)(spng_ctx*)> context(spng_ctx_new(0), spng_ctx_free);
  SLUICE_CHECK(context != nullptr);
  const auto failed = [](int error) {
    return unreadable(fmt::format("corrupt or truncated PNG ({})", spng_strerror(error)));
  };
  PngSource source(bytes);
  if (const int error = spng_set_png_stream(context.get(), read_bytes, &source)) return failed(error);
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
  // To the end, since the orientation may follow the pixels. These are complete, whatever is found there.
  std::ignore = spng_decode_chunks(context.get());
  return upright(std::move(picture), source.orientation());
}

}  // namespace sluice::host::media
