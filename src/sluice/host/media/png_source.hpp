#pragma once
#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::host::media {

/// The bytes of a PNG that its decoder reads: those that decide the pixels, as a file that ends properly.
///
/// Metadata is left out, since what is wrong with it says nothing about the picture. A chunk of pixels that
/// the file ends in is given as one that is as long as its bytes, with its checksum, and followed by the end
/// of the picture; so the pixels in it are decoded, and no others.
class PngSource {
 public:
  explicit PngSource(std::string_view bytes);
  PngSource(const PngSource&) = delete;  // `parts_` views `head_` and `tail_`
  PngSource& operator=(const PngSource&) = delete;

  /// Copies the next `length` bytes. False after the end.
  bool read(char* into, std::size_t length);
  /// As the metadata that was passed so far gives it: the whole file's after its end was read.
  [[nodiscard]] int orientation() const { return orientation_.value_or(1); }

 private:
  bool next_chunk();
  void end_picture(std::string_view type, std::string_view data);

  std::string_view rest_;
  std::array<std::string_view, 4> parts_{"", "", "", ""};  ///< what is read before the rest
  std::string head_;
  std::string tail_;
  bool ended_ = false;
  std::optional<int> orientation_;
};

}  // namespace sluice::host::media
