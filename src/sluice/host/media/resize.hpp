#pragma once
#include <cstdint>
#include <vector>

#include "sluice/host/media/picture.hpp"

namespace sluice::host::media {

/// The picture laid on white in the middle of a white square, and that square resized to `size` x `size` by
/// antialiased bicubic interpolation (Catmull-Rom; when it shrinks, the kernel is widened by the scale). Red,
/// green, blue, by rows.
///
/// The square is never made: a picture of 65,535 x 1 costs no more than its own pixels. Rows first, then
/// columns, with eight bits between: whole numbers only, so that every machine gets the same bytes.
std::vector<std::uint8_t> on_white_square(const Picture& picture, int size);

}  // namespace sluice::host::media
