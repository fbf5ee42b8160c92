#include <algorithm>

#include "sluice/host/media/bmp.hpp"
#include "sluice/host/media/decoders.hpp"

namespace sluice::host::media {
namespace {

/// Where the next pixel goes. What lies outside the picture is dropped.
class Pen {
 public:
  explicit Pen(const BmpHeader& header) : header_(header), picture_(blank(header.width, header.height)) {}

  void put(std::size_t color) {
    if (x_ < header_.width && y_ < header_.height) {
      const auto at = static_cast<std::size_t>(header_.row(y_)) * static_cast<std::size_t>(header_.width) +
                      static_cast<std::size_t>(x_);
      std::ranges::copy(header_.colors[color], &picture_.rgba[4 * at]);
    }
    if (x_ < header_.width) ++x_;
  }
  void move(int right, int rows) {
    x_ = std::min(x_ + right, header_.width);
    y_ = std::min(y_ + rows, header_.height);
  }
  void next_row() {
    x_ = 0;
    move(0, 1);
  }
  /// Whether the last pixel was put.
  [[nodiscard]] bool done() const {
    return y_ >= header_.height || (y_ == header_.height - 1 && x_ >= header_.width);
  }
  Picture take() { return std::move(picture_); }

 private:
  const BmpHeader& header_;
  Picture picture_;
  int x_ = 0;
  int y_ = 0;
};

}  // namespace

Result<Picture> decode_bmp_runs(const BmpHeader& header) {
  const bool halves = header.compression == BmpHeader::rle4;
  Pen pen(header);
  auto rest = header.pixels;
  bool complete = true;
  const auto next = [&]() -> std::size_t {
    if (rest.empty()) {
      complete = false;
      return 0;
    }
    const auto byte = static_cast<std::uint8_t>(rest.front());
    rest.remove_prefix(1);
    return byte;
  };
  const auto put = [&](std::size_t byte, std::size_t i) {
    pen.put(halves ? (i % 2 == 0 ? byte >> 4 : byte & 15) : byte);
  };
  while (!rest.empty()) {
    const auto count = next();
    const auto value = next();
    if (count > 0) {
      for (std::size_t i = 0; complete && i < count; ++i) put(value, i);
    } else if (value == 0) {
      // The file may end in the middle of such a pair, after the last pixel.
      if (complete) pen.next_row();
    } else if (value == 1) {
      return pen.take();
    } else if (value == 2) {
      const auto right = static_cast<int>(next());
      const auto rows = static_cast<int>(next());
      if (complete) pen.move(right, rows);
    } else {  // that many single pixels, padded to pairs of bytes
      std::size_t byte = 0;
      for (std::size_t i = 0; i < value; ++i) {
        if (!halves || i % 2 == 0) byte = next();
        if (complete) put(byte, i);
      }
      const auto bytes = halves ? (value + 1) / 2 : value;
      if (bytes % 2 == 1 && !rest.empty()) rest.remove_prefix(1);
    }
  }
  if (!pen.done()) return unreadable("corrupt or truncated BMP (picture data is missing)");
  return pen.take();
}

}  // namespace sluice::host::media
