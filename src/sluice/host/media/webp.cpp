#include <memory>

#include <fmt/format.h>
#include <webp/decode.h>
#include <webp/demux.h>

#include "sluice/host/media/decoders.hpp"
#include "sluice/host/media/exif.hpp"

namespace sluice::host::media {
namespace {

using Demuxer = std::unique_ptr<WebPDemuxer, void (*)(WebPDemuxer*)>;
using Decoder = std::unique_ptr<WebPIDecoder, void (*)(WebPIDecoder*)>;

Fail broken() { return unreadable("corrupt or truncated WebP"); }

int orientation_in(const WebPDemuxer* file) {
  WebPChunkIterator chunk{};
  const bool found = WebPDemuxGetChunk(file, "EXIF", 1, &chunk) != 0;
  const int orientation =
      found ? exif_orientation({reinterpret_cast<const char*>(chunk.chunk.bytes), chunk.chunk.size}) : 1;
  WebPDemuxReleaseChunkIterator(&chunk);
  return orientation;
}

}  // namespace

Result<Picture> decode_webp(std::string_view bytes) {
  const WebPData data{.bytes = reinterpret_cast<const std::uint8_t*>(bytes.data()), .size = bytes.size()};
  // Partial: the file may be cut off behind what is needed of it.
  WebPDemuxState state{};
  const Demuxer file(WebPDemuxPartial(&data, &state), WebPDemuxDelete);
  if (!file) return broken();
  const std::unique_ptr<WebPIterator, void (*)(WebPIterator*)> frame(new WebPIterator{},
                                                                     [](WebPIterator* iterator) {
                                                                       WebPDemuxReleaseIterator(iterator);
                                                                       delete iterator;
                                                                     });
  if (WebPDemuxGetFrame(file.get(), 1, frame.get()) == 0) return broken();
  WebPBitstreamFeatures features{};
  if (WebPGetFeatures(frame->fragment.bytes, frame->fragment.size, &features) != VP8_STATUS_OK)
    return broken();
  const std::int64_t width = WebPDemuxGetI(file.get(), WEBP_FF_CANVAS_WIDTH);
  const std::int64_t height = WebPDemuxGetI(file.get(), WEBP_FF_CANVAS_HEIGHT);
  if (frame->x_offset < 0 || frame->y_offset < 0 || features.width > width - frame->x_offset ||
      features.height > height - frame->y_offset)
    return broken();
  // Lossless pictures are decoded as a whole before they are copied; the others in bands.
  const bool whole = features.format != 1 || features.has_alpha != 0;
  SLUICE_DO(check_size(width, height, whole ? std::int64_t{4} * features.width * features.height : 0));
  auto picture = blank(static_cast<int>(width), static_cast<int>(height));
  const auto first = 4 * (static_cast<std::size_t>(frame->y_offset) * static_cast<std::size_t>(width) +
                          static_cast<std::size_t>(frame->x_offset));
  // Incremental: it is done when all pixels are, not when the file is, and invents none.
  const Decoder decoder(
      WebPINewRGB(MODE_RGBA, picture.rgba.data() + first, picture.rgba.size() - first, 4 * picture.width),
      WebPIDelete);
  if (!decoder || WebPIUpdate(decoder.get(), frame->fragment.bytes, frame->fragment.size) != VP8_STATUS_OK)
    return broken();
  return upright(std::move(picture), orientation_in(file.get()));
}

}  // namespace sluice::host::media
