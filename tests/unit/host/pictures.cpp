#include "pictures.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

#include <avif/avif.h>
#include <gif_lib.h>
#include <jpeglib.h>
#include <spng.h>
#include <tiffio.h>
#include <webp/encode.h>
#include <webp/mux.h>
#include <zlib.h>

#include "places.hpp"

namespace sluice::test {
namespace {

using host::media::Picture;

Picture blank(int width, int height) {
  return {.width = width,
          .height = height,
          .rgba = std::vector<std::uint8_t>(static_cast<std::size_t>(4 * width * height))};
}

std::string encode_png(const Picture& picture, const void* pixels, std::size_t bytes, spng_color_type type,
                       std::uint8_t depth) {
  auto* context = spng_ctx_new(SPNG_CTX_ENCODER);
  spng_set_option(context, SPNG_ENCODE_TO_BUFFER, 1);
  spng_ihdr header{.width = static_cast<std::uint32_t>(picture.width),
                   .height = static_cast<std::uint32_t>(picture.height),
                   .bit_depth = depth,
                   .color_type = static_cast<std::uint8_t>(type)};
  spng_set_ihdr(context, &header);
  if (spng_encode_image(context, pixels, bytes, SPNG_FMT_PNG, SPNG_ENCODE_FINALIZE) != 0) std::abort();
  std::size_t size = 0;
  int error = 0;
  auto* buffer = spng_get_png_buffer(context, &size, &error);
  std::string out(static_cast<const char*>(buffer), size);
  std::free(buffer);
  spng_ctx_free(context);
  return out;
}

std::string png_chunk(const std::string& type, const std::string& data) {
  const auto number = [](std::size_t n) {
    std::string out;
    for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>((n >> shift) & 0xff));
    return out;
  };
  const auto body = type + data;
  return number(data.size()) + body +
         number(crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size())));
}

std::string taken(WebPData data) {
  std::string out(reinterpret_cast<const char*>(data.bytes), data.size);
  WebPDataClear(&data);
  return out;
}

std::string taken(std::uint8_t* buffer, std::size_t size) {
  std::string out(reinterpret_cast<const char*>(buffer), size);
  WebPFree(buffer);
  return out;
}

std::string avif_of(const std::vector<Picture>& frames, const AvifKind& kind) {
  auto* encoder = avifEncoderCreate();
  encoder->codecChoice = AVIF_CODEC_CHOICE_AOM;
  encoder->speed = AVIF_SPEED_FASTEST;
  encoder->minQuantizer = encoder->maxQuantizer = AVIF_QUANTIZER_LOSSLESS;
  encoder->minQuantizerAlpha = encoder->maxQuantizerAlpha = AVIF_QUANTIZER_LOSSLESS;
  const auto width = static_cast<std::uint32_t>(frames[0].width);
  const auto height = static_cast<std::uint32_t>(frames[0].height);
  for (const auto& frame : frames) {
    auto* image =
        avifImageCreate(width, height, static_cast<std::uint32_t>(kind.depth), AVIF_PIXEL_FORMAT_YUV444);
    image->matrixCoefficients = AVIF_MATRIX_COEFFICIENTS_IDENTITY;
    if (kind.left + kind.top > 0) {
      const avifCropRect part{.x = static_cast<std::uint32_t>(kind.left),
                              .y = static_cast<std::uint32_t>(kind.top),
                              .width = width - static_cast<std::uint32_t>(kind.left),
                              .height = height - static_cast<std::uint32_t>(kind.top)};
      image->transformFlags = AVIF_TRANSFORM_CLAP;
      avifDiagnostics diagnostics{};
      if (avifCleanApertureBoxConvertCropRect(&image->clap, &part, width, height, image->yuvFormat,
                                              &diagnostics) == 0)
        std::abort();
    }
    avifRGBImage rgb{};
    avifRGBImageSetDefaults(&rgb, image);
    rgb.depth = 8;
    rgb.ignoreAlpha = kind.alpha ? AVIF_FALSE : AVIF_TRUE;
    rgb.pixels = const_cast<std::uint8_t*>(frame.rgba.data());
    rgb.rowBytes = 4 * width;
    if (avifImageRGBToYUV(image, &rgb) != AVIF_RESULT_OK) std::abort();
    if (!kind.alpha) avifImageFreePlanes(image, AVIF_PLANES_A);
    const auto flags = frames.size() == 1 ? AVIF_ADD_IMAGE_FLAG_SINGLE : AVIF_ADD_IMAGE_FLAG_NONE;
    if (avifEncoderAddImage(encoder, image, 1, flags) != AVIF_RESULT_OK) std::abort();
    avifImageDestroy(image);
  }
  avifRWData out{};
  if (avifEncoderFinish(encoder, &out) != AVIF_RESULT_OK) std::abort();
  avifEncoderDestroy(encoder);
  std::string bytes(reinterpret_cast<const char*>(out.data), out.size);
  avifRWDataFree(&out);
  return bytes;
}

}  // namespace

std::string content(std::string_view path) {
  std::ifstream file(source(path), std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

Picture drawn(int width, int height) {
  auto out = blank(width, height);
  auto* to = out.rgba.data();
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      *to++ = static_cast<std::uint8_t>((x * 37 + y * 91) % 256);
      *to++ = static_cast<std::uint8_t>((x * x + 3 * y) % 256);
      *to++ = static_cast<std::uint8_t>(x * y * 5 % 256);
      *to++ = static_cast<std::uint8_t>((x + y) % 3 != 0 ? 255 : x * 29 % 256);
    }
  }
  return out;
}

Picture quarters(int width, int height) {
  auto out = blank(width, height);
  auto* to = out.rgba.data();
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const bool right = x >= width / 2;
      const bool low = y >= height / 2;
      *to++ = right == low ? 255 : 0;
      *to++ = right ? 255 : 0;
      *to++ = low ? 255 : 0;
      *to++ = 255;
    }
  }
  return out;
}

std::string to_png(const Picture& picture) {
  return encode_png(picture, picture.rgba.data(), picture.rgba.size(), SPNG_COLOR_TYPE_TRUECOLOR_ALPHA, 8);
}

std::string to_png_16(const Picture& picture) {
  std::vector<std::uint8_t> wide;
  for (const auto byte : picture.rgba) wide.insert(wide.end(), 2, byte);
  return encode_png(picture, wide.data(), wide.size(), SPNG_COLOR_TYPE_TRUECOLOR_ALPHA, 16);
}

std::string to_png_gray(const Picture& picture) {
  std::vector<std::uint8_t> gray;
  for (std::size_t i = 0; i < picture.rgba.size(); i += 4) gray.push_back(picture.rgba[i]);
  return encode_png(picture, gray.data(), gray.size(), SPNG_COLOR_TYPE_GRAYSCALE, 8);
}

std::string png_header(std::uint32_t width, std::uint32_t height) {
  // A valid file of one pixel, with its size rewritten and the checksum of that chunk recomputed.
  auto out = to_png(blank(1, 1)).substr(0, 33);
  const auto put = [&](std::size_t at, std::uint32_t number) {
    for (int i = 0; i < 4; ++i)
      out[at + static_cast<std::size_t>(i)] = static_cast<char>(number >> (24 - 8 * i));
  };
  put(16, width);
  put(20, height);
  std::uint32_t crc = 0xffffffff;
  for (const char byte : out.substr(12, 17)) {
    crc ^= static_cast<std::uint8_t>(byte);
    for (int i = 0; i < 8; ++i) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb88320 : 0);
  }
  put(29, ~crc);
  return out;
}

std::string exif(int orientation, bool little_endian) {
  std::string out = little_endian
                        ? std::string("II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\0\0\0\0\0\0\0\0", 26)
                        : std::string("MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\0\0\0\0\0\0\0", 26);
  out[little_endian ? 18 : 19] = static_cast<char>(orientation);
  return out;
}

std::string to_png_turned(const Picture& picture, int orientation, bool in_front) {
  const auto png = to_png(picture);
  if (in_front) return with_png_chunk(png, "eXIf", exif(orientation));
  constexpr std::size_t end_bytes = 12;
  return png.substr(0, png.size() - end_bytes) + png_chunk("eXIf", exif(orientation)) +
         png.substr(png.size() - end_bytes);
}

std::string with_png_chunk(const std::string& png, const std::string& type, const std::string& data) {
  constexpr std::size_t after_header = 33;
  return png.substr(0, after_header) + png_chunk(type, data) + png.substr(after_header);
}

std::string to_jpeg(const Picture& picture, JpegKind kind, int orientation) {
  return to_jpeg(picture.width, picture.height, kind, orientation, [&](int y, std::uint8_t* rgb) {
    const auto* from = &picture.rgba[static_cast<std::size_t>(4 * picture.width * y)];
    for (int x = 0; x < picture.width; ++x, from += 4, rgb += 3) std::copy_n(from, 3, rgb);
  });
}

std::string to_jpeg(int width, int height, JpegKind kind, int orientation,
                    const std::function<void(int y, std::uint8_t* rgb)>& row) {
  jpeg_compress_struct info{};
  jpeg_error_mgr errors{};
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* buffer = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&info, &buffer, &size);
  info.image_width = static_cast<JDIMENSION>(width);
  info.image_height = static_cast<JDIMENSION>(height);
  info.input_components = kind == JpegKind::gray ? 1 : kind == JpegKind::cmyk ? 4 : 3;
  info.in_color_space = kind == JpegKind::gray ? JCS_GRAYSCALE : kind == JpegKind::cmyk ? JCS_CMYK : JCS_RGB;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, 98, TRUE);
  info.arith_code = kind == JpegKind::arithmetic ? TRUE : FALSE;
  if (kind == JpegKind::progressive) jpeg_simple_progression(&info);
  // Sequential, but each channel in a scan of its own.
  std::array<jpeg_scan_info, 3> scans{};
  for (int i = 0; i < 3; ++i) scans[static_cast<std::size_t>(i)] = {1, {i, 0, 0, 0}, 0, DCTSIZE2 - 1, 0, 0};
  if (kind == JpegKind::separate_scans) {
    info.scan_info = scans.data();
    info.num_scans = scans.size();
  }
  jpeg_start_compress(&info, TRUE);
  if (orientation != 0) {
    const auto segment = std::string("Exif\0\0", 6) + exif(orientation);
    jpeg_write_marker(&info, JPEG_APP0 + 1, reinterpret_cast<const JOCTET*>(segment.data()),
                      static_cast<unsigned>(segment.size()));
  }
  std::vector<std::uint8_t> rgb(static_cast<std::size_t>(3 * width));
  std::vector<std::uint8_t> wanted;
  while (info.next_scanline < info.image_height) {
    row(static_cast<int>(info.next_scanline), rgb.data());
    wanted.clear();
    for (std::size_t x = 0; x < rgb.size(); x += 3) {
      if (kind == JpegKind::gray) wanted.push_back(rgb[x]);
      if (kind != JpegKind::cmyk) continue;
      wanted.insert(wanted.end(), &rgb[x], &rgb[x] + 3);
      wanted.push_back(255);  // Adobe's convention, which libjpeg marks in the file: 255 is no ink
    }
    JSAMPROW rows = wanted.empty() ? rgb.data() : wanted.data();
    jpeg_write_scanlines(&info, &rows, 1);
  }
  jpeg_finish_compress(&info);
  std::string out(reinterpret_cast<const char*>(buffer), size);
  jpeg_destroy_compress(&info);
  std::free(buffer);
  return out;
}

std::string to_webp(const Picture& picture) {
  std::uint8_t* buffer = nullptr;
  const auto size =
      WebPEncodeLosslessRGBA(picture.rgba.data(), picture.width, picture.height, 4 * picture.width, &buffer);
  return taken(buffer, size);
}

std::string to_webp_lossy(const Picture& picture) {
  std::uint8_t* buffer = nullptr;
  const auto size =
      WebPEncodeRGBA(picture.rgba.data(), picture.width, picture.height, 4 * picture.width, 95, &buffer);
  return taken(buffer, size);
}

std::string to_webp_turned(const Picture& picture, const std::string& exif) {
  const auto still = to_webp(picture);
  const auto view = [](const std::string& bytes) {
    return WebPData{.bytes = reinterpret_cast<const std::uint8_t*>(bytes.data()), .size = bytes.size()};
  };
  const auto image = view(still);
  const auto chunk = view(exif);
  auto* mux = WebPMuxCreate(&image, 1);
  if (WebPMuxSetChunk(mux, "EXIF", &chunk, 1) != WEBP_MUX_OK) std::abort();
  WebPData out{};
  if (WebPMuxAssemble(mux, &out) != WEBP_MUX_OK) std::abort();
  WebPMuxDelete(mux);
  return taken(out);
}

std::string to_webp_animated(const std::vector<Picture>& frames) {
  auto* encoder = WebPAnimEncoderNew(frames[0].width, frames[0].height, nullptr);
  WebPConfig config;
  if (WebPConfigInit(&config) == 0) std::abort();
  config.lossless = 1;
  config.exact = 1;
  int milliseconds = 0;
  for (const auto& frame : frames) {
    WebPPicture picture;
    if (WebPPictureInit(&picture) == 0) std::abort();
    picture.width = frame.width;
    picture.height = frame.height;
    picture.use_argb = 1;
    if (WebPPictureImportRGBA(&picture, frame.rgba.data(), 4 * frame.width) == 0) std::abort();
    if (WebPAnimEncoderAdd(encoder, &picture, milliseconds, &config) == 0) std::abort();
    WebPPictureFree(&picture);
    milliseconds += 100;
  }
  WebPData out{};
  if (WebPAnimEncoderAdd(encoder, nullptr, milliseconds, nullptr) == 0 ||
      WebPAnimEncoderAssemble(encoder, &out) == 0)
    std::abort();
  WebPAnimEncoderDelete(encoder);
  return taken(out);
}

std::string to_avif(const Picture& picture, const AvifKind& kind) { return avif_of({picture}, kind); }

std::string to_avif_animated(const std::vector<Picture>& frames) { return avif_of(frames, {}); }

std::string to_gif(const Picture& picture, bool interlaced) {
  std::string out;
  int error = 0;
  auto* file = EGifOpen(
      &out,
      [](GifFileType* self, const GifByteType* bytes, int count) {
        static_cast<std::string*>(self->UserData)
            ->append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(count));
        return count;
      },
      &error);
  EGifSetGifVersion(file, true);
  const GifColorType colors[] = {{0, 0, 0}, {255, 255, 255}, {9, 9, 9}, {0, 0, 0}};
  auto* map = GifMakeMapObject(4, colors);
  EGifPutScreenDesc(file, picture.width, picture.height, 2, 0, map);
  const GraphicsControlBlock control{
      .DisposalMode = 0, .UserInputFlag = false, .DelayTime = 0, .TransparentColor = 2};
  GifByteType extension[4];
  EGifGCBToExtension(&control, extension);
  EGifPutExtension(file, GRAPHICS_EXT_FUNC_CODE, 4, extension);
  EGifPutImageDesc(file, 0, 0, picture.width, picture.height, interlaced, nullptr);
  const auto put_row = [&](int y) {
    std::vector<GifPixelType> row;
    for (int x = 0; x < picture.width; ++x) {
      const auto* pixel = &picture.rgba[static_cast<std::size_t>(4 * (y * picture.width + x))];
      row.push_back(pixel[3] < 128 ? 2 : pixel[0] > 127 ? 1 : 0);
    }
    EGifPutLine(file, row.data(), picture.width);
  };
  if (interlaced) {
    for (const auto& [first, step] : {std::pair{0, 8}, {4, 8}, {2, 4}, {1, 2}})
      for (int y = first; y < picture.height; y += step) put_row(y);
  } else {
    for (int y = 0; y < picture.height; ++y) put_row(y);
  }
  EGifCloseFile(file, &error);
  GifFreeMapObject(map);
  return out;
}

std::string to_tiff(const Picture& picture, int bits, int orientation) {
  // libtiff seeks while it writes, so the target is a string with a position.
  struct Target {
    std::string bytes;
    std::size_t at = 0;
  } target;
  auto* file = TIFFClientOpen(
      "test", "w", &target,
      [](thandle_t self, void* into, tmsize_t size) -> tmsize_t {
        auto& t = *static_cast<Target*>(self);
        const auto taken =
            std::min(static_cast<std::size_t>(size), t.bytes.size() - std::min(t.at, t.bytes.size()));
        std::memcpy(into, t.bytes.data() + t.at, taken);
        t.at += taken;
        return static_cast<tmsize_t>(taken);
      },
      [](thandle_t self, void* from, tmsize_t size) -> tmsize_t {
        auto& t = *static_cast<Target*>(self);
        t.bytes.resize(std::max(t.bytes.size(), t.at + static_cast<std::size_t>(size)));
        std::memcpy(t.bytes.data() + t.at, from, static_cast<std::size_t>(size));
        t.at += static_cast<std::size_t>(size);
        return size;
      },
      [](thandle_t self, toff_t offset, int whence) -> toff_t {
        auto& t = *static_cast<Target*>(self);
        t.at = offset + (whence == SEEK_CUR ? t.at : whence == SEEK_END ? t.bytes.size() : 0);
        return t.at;
      },
      [](thandle_t) { return 0; },
      [](thandle_t self) -> toff_t { return static_cast<Target*>(self)->bytes.size(); }, nullptr, nullptr);
  TIFFSetField(file, TIFFTAG_IMAGEWIDTH, picture.width);
  TIFFSetField(file, TIFFTAG_IMAGELENGTH, picture.height);
  TIFFSetField(file, TIFFTAG_SAMPLESPERPIXEL, 3);
  TIFFSetField(file, TIFFTAG_BITSPERSAMPLE, bits);
  TIFFSetField(file, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_RGB);
  TIFFSetField(file, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
  TIFFSetField(file, TIFFTAG_ORIENTATION, orientation);
  TIFFSetField(file, TIFFTAG_ROWSPERSTRIP, picture.height);
  for (int y = 0; y < picture.height; ++y) {
    std::vector<std::uint8_t> row;
    for (int x = 0; x < picture.width; ++x)
      for (int c = 0; c < 3; ++c)
        row.insert(row.end(), static_cast<std::size_t>(bits / 8),
                   picture.rgba[static_cast<std::size_t>(4 * (y * picture.width + x) + c)]);
    TIFFWriteScanline(file, row.data(), static_cast<std::uint32_t>(y), 0);
  }
  TIFFClose(file);
  return target.bytes;
}

}  // namespace sluice::test
