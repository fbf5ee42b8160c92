#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "sluice/host/media/picture.hpp"

/// Small pictures for tests, drawn here and encoded by the formats' own libraries.
namespace sluice::test {

/// The picture of data/make_pillow_bicubic.py: each pixel by formula, some of them half transparent.
host::media::Picture drawn(int width, int height);
/// Four quarters: red, green / blue, white. JPEG preserves them well enough to be told apart.
host::media::Picture quarters(int width, int height);

std::string to_png(const host::media::Picture& picture);
/// With 16 bits per channel, each byte doubled.
std::string to_png_16(const host::media::Picture& picture);
/// The red channel only, one byte per pixel.
std::string to_png_gray(const host::media::Picture& picture);
/// A PNG header that announces a size, and nothing after it.
std::string png_header(std::uint32_t width, std::uint32_t height);

enum class JpegKind { rgb, gray, cmyk, progressive };
/// `orientation` other than 0 adds an EXIF segment that says so.
std::string to_jpeg(const host::media::Picture& picture, JpegKind kind = JpegKind::rgb, int orientation = 0);

std::string to_webp(const host::media::Picture& picture);  ///< lossless
/// In black and white, with index 2 transparent: a pixel is white where red > 127, transparent where alpha <
/// 128.
std::string to_gif(const host::media::Picture& picture, bool interlaced);
std::string to_tiff(const host::media::Picture& picture, int bits, int orientation = 1);

}  // namespace sluice::test
