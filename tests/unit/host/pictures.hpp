#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "sluice/host/media/picture.hpp"

/// Small pictures for tests, drawn here and encoded by the formats' own libraries.
namespace sluice::test {

/// The bytes of a file of the checkout.
std::string content(std::string_view path);

/// The picture of data/make_pillow_bicubic.py: each pixel by formula, some of them half transparent.
host::media::Picture drawn(int width, int height);
/// Four quarters: red, green / blue, white. JPEG preserves them well enough to be told apart.
host::media::Picture quarters(int width, int height);

std::string to_png(const host::media::Picture& picture);
/// The eXIf chunk is in front of the pixels, or behind them.
std::string to_png_turned(const host::media::Picture& picture, int orientation, bool in_front = true);
/// The file with a chunk more, in front of its pixels.
std::string with_png_chunk(const std::string& png, const std::string& type, const std::string& data);
/// With 16 bits per channel, each byte doubled.
std::string to_png_16(const host::media::Picture& picture);
/// The red channel only, one byte per pixel.
std::string to_png_gray(const host::media::Picture& picture);
/// A PNG header that announces a size, and nothing after it.
std::string png_header(std::uint32_t width, std::uint32_t height);

enum class JpegKind { rgb, gray, cmyk, progressive, arithmetic, separate_scans };
/// `orientation` other than 0 adds an EXIF segment that says so.
std::string to_jpeg(const host::media::Picture& picture, JpegKind kind = JpegKind::rgb, int orientation = 0);
/// The same for a picture that is not in memory: `row` fills 3 bytes per pixel.
std::string to_jpeg(int width, int height, JpegKind kind, int orientation,
                    const std::function<void(int y, std::uint8_t* rgb)>& row);

/// A TIFF header and a directory with the orientation alone. `format` is the first four bytes, "MM\0*" or
/// "II*\0".
std::string exif(int orientation, bool little_endian = false);

std::string to_webp(const host::media::Picture& picture);  ///< lossless
std::string to_webp_lossy(const host::media::Picture& picture);
/// `exif` is the content of the chunk.
std::string to_webp_turned(const host::media::Picture& picture, const std::string& exif);
/// Lossless frames of one size.
std::string to_webp_animated(const std::vector<host::media::Picture>& frames);

struct AvifKind {
  int depth = 8;
  bool alpha = false;
  int left = 0;  ///< columns and rows that the container says are not part of the picture
  int top = 0;
};
/// Without loss.
std::string to_avif(const host::media::Picture& picture, const AvifKind& kind = {});
/// Several frames.
std::string to_avif_animated(const std::vector<host::media::Picture>& frames);

/// In black and white, with index 2 transparent: a pixel is white where red > 127, transparent where alpha <
/// 128.
std::string to_gif(const host::media::Picture& picture, bool interlaced);
std::string to_tiff(const host::media::Picture& picture, int bits, int orientation = 1);

}  // namespace sluice::test
