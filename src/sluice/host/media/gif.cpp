#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include <fmt/format.h>
#include <gif_lib.h>

#include "sluice/host/media/decoders.hpp"

namespace sluice::host::media {
namespace {

/// A file in memory. The pixels of a frame are blocks of a length and that many bytes; once `in_frame` is
/// set, a block that the file ends in is given as one that is as long as its bytes, followed by the empty
/// block that ends the frame. So a file without its last bytes is decoded if all pixels are in those before
/// them.
struct Source {
  std::string_view rest;
  bool in_frame = false;
  std::size_t block = 0;  ///< bytes of the current one that were not read yet
};

int read_bytes(GifFileType* file, GifByteType* into, int length) {
  auto& [rest, in_frame, block] = *static_cast<Source*>(file->UserData);
  const bool is_length = in_frame && block == 0;
  if (is_length && rest.empty()) rest = std::string_view("\0", 1);
  const auto taken = std::min(rest.size(), static_cast<std::size_t>(std::max(length, 0)));
  std::memcpy(into, rest.data(), taken);
  rest.remove_prefix(taken);
  if (is_length)
    *into = static_cast<GifByteType>(block = std::min<std::size_t>(*into, rest.size()));
  else if (in_frame)
    block -= taken;
  return static_cast<int>(taken);
}

struct Closer {
  void operator()(GifFileType* file) const { DGifCloseFile(file, nullptr); }
};
using File = std::unique_ptr<GifFileType, Closer>;

Fail broken(int error) {
  const char* reason = GifErrorString(error);
  return unreadable(
      fmt::format("corrupt or truncated GIF ({})", reason != nullptr ? reason : "no frame in it"));
}

/// The palette index that means "transparent" in the next frame; -1: none.
Result<int> read_extension(GifFileType& file) {
  int kind = 0;
  GifByteType* block = nullptr;
  int transparent = -1;
  if (DGifGetExtension(&file, &kind, &block) == GIF_ERROR) return broken(file.Error);
  while (block != nullptr) {
    GraphicsControlBlock control{};
    if (kind == GRAPHICS_EXT_FUNC_CODE && DGifExtensionToGCB(block[0], block + 1, &control) == GIF_OK)
      transparent = control.TransparentColor;
    if (DGifGetExtensionNext(&file, &block) == GIF_ERROR) return broken(file.Error);
  }
  return transparent;
}

Result<Picture> read_frame(GifFileType& file, int transparent) {
  if (DGifGetImageDesc(&file) == GIF_ERROR) return broken(file.Error);
  static_cast<Source*>(file.UserData)->in_frame = true;
  const auto& frame = file.Image;
  const auto* colors = frame.ColorMap != nullptr ? frame.ColorMap : file.SColorMap;
  if (colors == nullptr) return unreadable("a GIF without a color table");
  // Some writers omit the size of the screen, or make it smaller than the only frame.
  const int width = std::max(file.SWidth, frame.Left + frame.Width);
  const int height = std::max(file.SHeight, frame.Top + frame.Height);
  SLUICE_DO(check_size(width, height));
  SLUICE_DO(check_size(frame.Width, frame.Height));
  auto picture = blank(width, height);
  std::vector<GifPixelType> line(static_cast<std::size_t>(frame.Width));
  struct Pass {
    int first, step;
  };
  constexpr std::array interlaced = {Pass{0, 8}, Pass{4, 8}, Pass{2, 4}, Pass{1, 2}};
  constexpr std::array straight = {Pass{0, 1}};
  const auto read_pass = [&](Pass pass) -> Result<void> {
    for (int y = pass.first; y < frame.Height; y += pass.step) {
      if (DGifGetLine(&file, line.data(), frame.Width) == GIF_ERROR) return broken(file.Error);
      auto* to =
          &picture.rgba[4 * (static_cast<std::size_t>(frame.Top + y) * static_cast<std::size_t>(width) +
                             static_cast<std::size_t>(frame.Left))];
      for (const auto index : line) {
        if (index != transparent && index < colors->ColorCount) {
          const auto& color = colors->Colors[index];
          to[0] = color.Red;
          to[1] = color.Green;
          to[2] = color.Blue;
          to[3] = 255;
        }
        to += 4;
      }
    }
    return {};
  };
  if (frame.Interlace) {
    for (const auto pass : interlaced) SLUICE_DO(read_pass(pass));
  } else {
    for (const auto pass : straight) SLUICE_DO(read_pass(pass));
  }
  return picture;
}

}  // namespace

Result<Picture> decode_gif(std::string_view bytes) {
  Source source{.rest = bytes};
  int error = 0;
  const File file(DGifOpen(&source, read_bytes, &error));
  if (!file) return broken(error);
  int transparent = -1;
  for (;;) {
    GifRecordType record = UNDEFINED_RECORD_TYPE;
    if (DGifGetRecordType(file.get(), &record) == GIF_ERROR) return broken(file->Error);
    if (record == IMAGE_DESC_RECORD_TYPE) return read_frame(*file, transparent);
    if (record == TERMINATE_RECORD_TYPE) return broken(0);
    if (record == EXTENSION_RECORD_TYPE) {
      SLUICE_TRY(index, read_extension(*file));
      if (index >= 0) transparent = index;
    }
  }
}

}  // namespace sluice::host::media
