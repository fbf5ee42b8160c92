#pragma once
#include <cstdint>
#include <vector>

#include "sluice/host/media/picture.hpp"

namespace sluice::host::media {

/// Blends the picture with white, centers it in a white square, and resizes that square to `size` x `size` by
/// antialiased bicubic interpolation (Catmull-Rom; when it shrinks, the kernel is widened by the scale).
/// Returns red, green, blue, by rows.
///
/// The square is never allocated: a picture of 65,535 x 1 costs no more than its own pixels. Rows are resized
/// first, then columns, with eight bits in between; integers only, so that every machine gets the same bytes.
std::vector<std::uint8_t> on_white_square(const Picture& picture, int size);

}  // namespace sluice::host::media
