#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <memory>

#include <fmt/format.h>
#include <tiffio.h>

#include "sluice/host/media/decoders.hpp"

namespace sluice::host::media {
namespace {

/// A file in memory, read only.
struct Source {
  std::string_view bytes;
  std::uint64_t at = 0;
  std::string first_error;  ///< of the library
};

tmsize_t read_bytes(thandle_t handle, void* into, tmsize_t size) {
  auto& source = *static_cast<Source*>(handle);
  if (size <= 0 || source.at >= source.bytes.size()) return 0;
  const auto taken =
      std::min<std::uint64_t>(static_cast<std::uint64_t>(size), source.bytes.size() - source.at);
  std::memcpy(into, source.bytes.data() + source.at, taken);
  source.at += taken;
  return static_cast<tmsize_t>(taken);
}

tmsize_t write_bytes(thandle_t, void*, tmsize_t) { return -1; }

toff_t seek(thandle_t handle, toff_t offset, int whence) {
  auto& source = *static_cast<Source*>(handle);
  if (whence == SEEK_CUR) offset += source.at;
  if (whence == SEEK_END) offset += source.bytes.size();
  return source.at = offset;
}

int close(thandle_t) { return 0; }
toff_t size_of(thandle_t handle) { return static_cast<Source*>(handle)->bytes.size(); }

int on_error(TIFF*, void* user, const char*, const char* format, va_list arguments) {
  auto& source = *static_cast<Source*>(user);
  if (source.first_error.empty()) {
    std::array<char, 200> text{};
    std::vsnprintf(text.data(), text.size(), format, arguments);
    source.first_error = text.data();
    while (source.first_error.ends_with('.')) source.first_error.pop_back();
  }
  return 1;
}

int on_warning(TIFF*, void*, const char*, const char*, va_list) { return 1; }

using File = std::unique_ptr<TIFF, void (*)(TIFF*)>;

File open(Source& source) {
  const std::unique_ptr<TIFFOpenOptions, void (*)(TIFFOpenOptions*)> options(TIFFOpenOptionsAlloc(),
                                                                             TIFFOpenOptionsFree);
  TIFFOpenOptionsSetMaxSingleMemAlloc(options.get(), memory_max);
  TIFFOpenOptionsSetErrorHandlerExtR(options.get(), on_error, &source);
  TIFFOpenOptionsSetWarningHandlerExtR(options.get(), on_warning, &source);
  // "m": no memory map.
  return {TIFFClientOpenExt("picture", "rm", &source, read_bytes, write_bytes, seek, close, size_of, nullptr,
                            nullptr, options.get()),
          TIFFClose};
}

/// Bytes that one strip or tile of the page unpacks to.
std::int64_t piece_bytes(TIFF* file) {
  return static_cast<std::int64_t>(TIFFIsTiled(file) != 0 ? TIFFTileSize64(file) : TIFFStripSize64(file));
}

}  // namespace

Result<Picture> decode_tiff(std::string_view bytes) {
  Source source{.bytes = bytes};
  const auto file = open(source);
  const auto failed = [&] {
    return unreadable(source.first_error.empty()
                          ? "cannot decode TIFF"
                          : fmt::format("cannot decode TIFF ({})", source.first_error));
  };
  if (!file) return failed();
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  if (TIFFGetField(file.get(), TIFFTAG_IMAGEWIDTH, &width) == 0 ||
      TIFFGetField(file.get(), TIFFTAG_IMAGELENGTH, &height) == 0)
    return unreadable("a TIFF without a size");
  SLUICE_DO(check_size(width, height));
  const auto piece = piece_bytes(file.get());
  if (piece <= 0) return failed();
  SLUICE_DO(check_size(width, height, piece));
  std::array<char, 1024> reason{};
  if (TIFFRGBAImageOK(file.get(), reason.data()) == 0) {
    return unreadable(fmt::format("this kind of TIFF is not supported ({}); save it as PNG", reason.data()));
  }
  std::uint16_t orientation = ORIENTATION_TOPLEFT;
  TIFFGetFieldDefaulted(file.get(), TIFFTAG_ORIENTATION, &orientation);
  // libtiff only flips, so `upright` applies the orientation, to rows as they are stored.
  TIFFSetField(file.get(), TIFFTAG_ORIENTATION, static_cast<int>(ORIENTATION_TOPLEFT));
  auto picture = blank(static_cast<int>(width), static_cast<int>(height));
  // Packed as 0xAABBGGRR: on a little-endian machine the bytes are in our order.
  if (TIFFReadRGBAImageOriented(file.get(), width, height,
                                reinterpret_cast<std::uint32_t*>(picture.rgba.data()), ORIENTATION_TOPLEFT,
                                1) == 0)
    return failed();
  for (std::size_t i = 0; i < picture.rgba.size(); i += 4) {
    const unsigned alpha = picture.rgba[i + 3];
    if (alpha == 0 || alpha == 255) continue;
    for (std::size_t c = 0; c < 3; ++c)  // the color is premultiplied by alpha
      picture.rgba[i + c] =
          static_cast<std::uint8_t>(std::min(255U, (picture.rgba[i + c] * 255U + alpha / 2) / alpha));
  }
  return upright(std::move(picture), orientation);
}

}  // namespace sluice::host::media
