#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstdio>

#include <fmt/format.h>
// clang-format off: the messages that jerror.h declares depend on jpeglib.h
#include <jpeglib.h>
#include <jerror.h>
// clang-format on

#include "sluice/host/media/decoders.hpp"
#include "sluice/host/media/exif.hpp"

namespace sluice::host::media {
namespace {

// A progressive file may require any number of passes over all pixels; an ordinary one has about ten.
constexpr int scans_max = 100;

// A photograph that is too large to be decoded whole is decoded at N eighths of its size, with the longer
// side at least this long: four times what preprocessing needs at most, so that its resizing decides the
// result.
constexpr std::int64_t scaled_side_min = 4096;
// Scaled or not, all of a file is unpacked, which takes time.
constexpr std::int64_t scaled_pixels_max = 500'000'000;

/// The state of one decoder. libjpeg's callbacks report errors in it and longjmp out of libjpeg's frames.
/// `run_decoder` creates no object with a destructor between setjmp and the jump: what must live longer is
/// here.
struct Decoder {
  jpeg_decompress_struct info{};
  jpeg_error_mgr errors{};
  jpeg_progress_mgr progress{};
  std::jmp_buf escape{};
  std::array<char, JMSG_LENGTH_MAX> message{};
  bool too_many_scans = false;
  bool missing = false;      ///< bits that the file does not have were needed
  bool ended_early = false;  ///< the file has no end marker
  int orientation = 1;
  Picture picture;
  Result<void> size;
  std::vector<std::uint8_t> row;   ///< as libjpeg gives it
  std::vector<std::uint8_t> rgba;  ///< the same row
};

Decoder& decoder_of(j_common_ptr info) { return *static_cast<Decoder*>(info->client_data); }

[[noreturn]] void on_error(j_common_ptr info) {
  auto& decoder = decoder_of(info);
  info->err->format_message(info, decoder.message.data());
  std::longjmp(decoder.escape, 1);
}

void on_message(j_common_ptr info, int level) {
  // Below zero: a warning. Stray bytes between segments are harmless; missing picture data is not: libjpeg
  // would fill it with gray.
  const int code = info->err->msg_code;
  if (level >= 0) return;
  if (code == JWRN_HIT_MARKER || code == JWRN_HUFF_BAD_CODE || code == JWRN_ARITH_BAD_CODE)
    decoder_of(info).missing = true;
  if (code == JWRN_JPEG_EOF) decoder_of(info).ended_early = true;
}

void on_progress(j_common_ptr info) {
  auto& decoder = decoder_of(info);
  if (decoder.info.input_scan_number > scans_max) {
    decoder.too_many_scans = true;
    std::longjmp(decoder.escape, 1);
  }
}

void convert_row(const std::uint8_t* from, std::uint8_t* to, std::size_t width, bool cmyk, bool inverted) {
  for (std::size_t x = 0; x < width; ++x, to += 4) {
    if (cmyk) {
      const unsigned key = inverted ? from[4 * x + 3] : 255U - from[4 * x + 3];
      for (std::size_t c = 0; c < 3; ++c) {
        const unsigned ink = inverted ? from[4 * x + c] : 255U - from[4 * x + c];
        to[c] = static_cast<std::uint8_t>((ink * key + 127) / 255);
      }
    } else {
      for (std::size_t c = 0; c < 3; ++c) to[c] = from[3 * x + c];
    }
    to[3] = 255;
  }
}

/// Whether pixels may depend on scans after those that the file has. An arithmetic decoder does not notice
/// that its bits have ended.
bool may_lack_scans(const jpeg_decompress_struct& info) {
  if (info.arith_code != 0) return true;
  for (int i = 0; i < info.num_components; ++i) {
    if (info.comp_info[i].quant_table == nullptr) return true;  // latched by its first scan
    for (int k = 0; info.progressive_mode != 0 && k < DCTSIZE2; ++k)
      if (info.coef_bits[i][k] != 0) return true;  // the number of bits that are still to come
  }
  return false;
}

/// Bytes besides those of the result.
std::int64_t extra_memory(const jpeg_decompress_struct& info) {
  if (!jpeg_has_multiple_scans(const_cast<j_decompress_ptr>(&info))) return 0;
  std::int64_t bytes = 0;  // all coefficients, two bytes each
  for (int i = 0; i < info.num_components; ++i) {
    const auto& component = info.comp_info[i];
    bytes += std::int64_t{2} * DCTSIZE2 * component.width_in_blocks * component.height_in_blocks;
  }
  return bytes;
}

/// Selects the size of the result: the file's or, where that is over a limit, the smallest that is enough.
Result<void> choose_size(jpeg_decompress_struct& info) {
  const std::int64_t width = info.image_width;
  const std::int64_t height = info.image_height;
  const auto scans = extra_memory(info);
  jpeg_calc_output_dimensions(&info);
  if (check_size(width, height, scans)) return {};
  if (scans > memory_max)
    return Fail(user_error(
        Code::too_large,
        fmt::format(
            "cannot read picture: decoding {} x {} pixels of a progressive JPEG needs {} MiB, over the "
            "limit of {}; save it without progressive coding, or make it smaller",
            width, height, scans >> 20, memory_max >> 20)));
  if (width * height > scaled_pixels_max)
    return Fail(user_error(
        Code::too_large,
        fmt::format("cannot read picture: {} x {} is over the limit of {} megapixels; make it smaller", width,
                    height, scaled_pixels_max / 1'000'000)));
  const auto eighths = (8 * scaled_side_min + std::max(width, height) - 1) / std::max(width, height);
  info.scale_num = static_cast<unsigned>(std::min<std::int64_t>(eighths, 8));
  info.scale_denom = 8;
  jpeg_calc_output_dimensions(&info);
  return check_size(info.output_width, info.output_height, scans);
}

/// On false, the fields of the decoder give the reason.
bool run_decoder(Decoder& decoder, std::string_view bytes) {
  auto* info = &decoder.info;
  if (setjmp(decoder.escape) != 0) return false;
  jpeg_create_decompress(info);
  jpeg_mem_src(info, reinterpret_cast<const unsigned char*>(bytes.data()),
               static_cast<unsigned long>(bytes.size()));
  jpeg_save_markers(info, JPEG_APP0 + 1, 0xffff);
  jpeg_read_header(info, TRUE);
  for (auto* marker = info->marker_list; marker != nullptr && decoder.orientation == 1; marker = marker->next)
    decoder.orientation =
        exif_orientation({reinterpret_cast<const char*>(marker->data), marker->data_length});
  decoder.size = choose_size(*info);
  if (!decoder.size) return false;
  const bool cmyk = info->jpeg_color_space == JCS_CMYK || info->jpeg_color_space == JCS_YCCK;
  info->out_color_space = cmyk ? JCS_CMYK : JCS_RGB;
  info->progress = &decoder.progress;
  auto width = static_cast<int>(info->output_width);
  auto height = static_cast<int>(info->output_height);
  if (decoder.orientation >= 5) std::swap(width, height);
  decoder.picture = blank(width, height);
  jpeg_start_decompress(info);
  decoder.row.resize(std::size_t{4} * info->output_width);
  decoder.rgba.resize(std::size_t{4} * info->output_width);
  while (info->output_scanline < info->output_height && !decoder.missing) {
    const auto y = static_cast<int>(info->output_scanline);
    JSAMPROW row = decoder.row.data();
    jpeg_read_scanlines(info, &row, 1);
    convert_row(decoder.row.data(), decoder.rgba.data(), info->output_width, cmyk,
                info->saw_Adobe_marker == TRUE);
    place_row(decoder.picture, y, decoder.rgba.data(), decoder.orientation);
  }
  // Where there are several scans, all of them were read before the first row.
  if (decoder.ended_early && may_lack_scans(*info)) decoder.missing = true;
  if (decoder.missing) return true;
  jpeg_finish_decompress(info);
  return true;
}

}  // namespace

Result<Picture> decode_jpeg(std::string_view bytes) {
  Decoder decoder;
  decoder.info.err = jpeg_std_error(&decoder.errors);
  decoder.info.client_data = &decoder;
  decoder.errors.error_exit = on_error;
  decoder.errors.emit_message = on_message;
  decoder.progress.progress_monitor = on_progress;
  const bool done = run_decoder(decoder, bytes);
  jpeg_destroy_decompress(&decoder.info);
  if (!decoder.size) return Fail(std::move(decoder.size).error());
  if (decoder.too_many_scans)
    return unreadable(
        fmt::format("a JPEG with over {} scans; save it without progressive coding", scans_max));
  if (!done) return unreadable(fmt::format("corrupt JPEG ({})", decoder.message.data()));
  if (decoder.missing) return unreadable("corrupt or truncated JPEG (picture data is missing)");
  return std::move(decoder.picture);
}

}  // namespace sluice::host::media
