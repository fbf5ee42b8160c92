// Fuzzes the picture decoders and the resizing.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sluice/base/picture_format.hpp"
#include "sluice/host/media/picture.hpp"
#include "sluice/host/media/resize.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice::host;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  // libheif is the machine's own, and measures no coverage: what it does with damaged files is not Sluice's.
  if (sluice::picture_format(bytes) == sluice::PictureFormat::heic) return 0;
  const auto picture = media::decode_picture(bytes);
  if (!picture) return 0;
  SLUICE_CHECK(picture->rgba.size() == std::size_t{4} * static_cast<std::size_t>(picture->width) *
                                           static_cast<std::size_t>(picture->height));
  // Large pictures are slow and cover nothing new.
  if (picture->rgba.size() < (std::size_t{1} << 20))
    SLUICE_CHECK(media::on_white_square(*picture, 8).size() == 3U * 8 * 8);
  return 0;
}
