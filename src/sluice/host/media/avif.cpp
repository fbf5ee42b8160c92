#include <algorithm>
#include <cstring>
#include <memory>

#include <avif/avif.h>
#include <fmt/format.h>

#include "sluice/host/media/decoders.hpp"

namespace sluice::host::media {
namespace {

using Decoder = std::unique_ptr<avifDecoder, void (*)(avifDecoder*)>;

Fail broken(avifResult result) {
  return unreadable(fmt::format("corrupt or truncated AVIF ({})", avifResultToString(result)));
}

/// What the decoder holds before it is converted to RGBA.
std::int64_t plane_bytes(const avifDecoder& decoder) {
  const auto& image = *decoder.image;
  const auto halves_of_a_sample = [&] {
    switch (image.yuvFormat) {
      case AVIF_PIXEL_FORMAT_YUV400: return 2;
      case AVIF_PIXEL_FORMAT_YUV420: return 3;
      case AVIF_PIXEL_FORMAT_YUV422: return 4;
      default: return 6;
    }
  }() + (decoder.alphaPresent != AVIF_FALSE ? 2 : 0);
  return std::int64_t{image.width} * image.height * halves_of_a_sample / 2 * (image.depth > 8 ? 2 : 1);
}

/// Removes what lies outside the rectangle.
Picture cropped(Picture picture, const avifCropRect& part) {
  auto out = blank(static_cast<int>(part.width), static_cast<int>(part.height));
  const std::size_t row = std::size_t{4} * part.width;
  for (std::size_t y = 0; y < part.height; ++y)
    std::memcpy(&out.rgba[row * y],
                &picture.rgba[4 * ((part.y + y) * static_cast<std::size_t>(picture.width) + part.x)], row);
  return out;
}

/// The number in EXIF of a rotation by quarters, to the left, which is followed by exchanging top and bottom
/// (`mirror` is 0), left and right (1), or nothing (-1).
int orientation_of(int quarters, int mirror) {
  constexpr int table[3][4] = {{1, 8, 3, 6}, {4, 5, 2, 7}, {2, 7, 4, 5}};
  return table[mirror + 1][quarters % 4];
}

/// What the container says about the picture's place, in the order in which it is to be applied. EXIF, which
/// may say it again, counts for nothing in AVIF.
Result<Picture> as_shown(Picture picture, const avifImage& image) {
  if ((image.transformFlags & AVIF_TRANSFORM_CLAP) != 0) {
    avifCropRect part{};
    avifDiagnostics diagnostics{};
    if (avifCropRectConvertCleanApertureBox(&part, &image.clap, image.width, image.height, image.yuvFormat,
                                            &diagnostics) == AVIF_FALSE)
      return unreadable("corrupt AVIF (clean aperture)");
    picture = cropped(std::move(picture), part);
  }
  const int quarters = (image.transformFlags & AVIF_TRANSFORM_IROT) != 0 ? image.irot.angle : 0;
  const int mirror = (image.transformFlags & AVIF_TRANSFORM_IMIR) != 0 ? image.imir.mode : -1;
  return upright(std::move(picture), orientation_of(quarters, std::min(mirror, 1)));
}

}  // namespace

Result<Picture> decode_avif(std::string_view bytes) {
  const Decoder decoder(avifDecoderCreate(), avifDecoderDestroy);
  decoder->codecChoice = AVIF_CODEC_CHOICE_DAV1D;
  decoder->maxThreads = 1;  // pictures are decoded concurrently
  decoder->ignoreExif = AVIF_TRUE;
  decoder->ignoreXMP = AVIF_TRUE;
  // Only so that `check_size` reports what is too large; it is stricter.
  decoder->imageSizeLimit = AVIF_DEFAULT_IMAGE_SIZE_LIMIT;
  decoder->imageDimensionLimit = side_max + 1;
  // What older encoders leave out is not needed.
  decoder->strictFlags = AVIF_STRICT_CLAP_VALID;
  const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
  if (const auto result = avifDecoderSetIOMemory(decoder.get(), data, bytes.size()); result != AVIF_RESULT_OK)
    return broken(result);
  if (const auto result = avifDecoderParse(decoder.get()); result != AVIF_RESULT_OK) return broken(result);
  const auto& image = *decoder->image;
  const std::int64_t pixels = std::int64_t{image.width} * image.height;
  SLUICE_DO(check_size(image.width, image.height, plane_bytes(*decoder)));
  // The network format inside may say another size than the container.
  decoder->imageSizeLimit = static_cast<std::uint32_t>(pixels);
  if (const auto result = avifDecoderNextImage(decoder.get()); result != AVIF_RESULT_OK)
    return broken(result);
  SLUICE_DO(check_size(image.width, image.height));
  auto picture = blank(static_cast<int>(image.width), static_cast<int>(image.height));
  avifRGBImage rgb{};
  avifRGBImageSetDefaults(&rgb, &image);
  rgb.depth = 8;
  rgb.format = AVIF_RGB_FORMAT_RGBA;
  rgb.pixels = picture.rgba.data();
  rgb.rowBytes = 4 * image.width;
  if (const auto result = avifImageYUVToRGB(&image, &rgb); result != AVIF_RESULT_OK) return broken(result);
  return as_shown(std::move(picture), image);
}

}  // namespace sluice::host::media
