#include "sluice/host/media/resize.hpp"

#include <algorithm>
#include <cmath>

namespace sluice::host::media {
namespace {

constexpr int weight_bits =
    22;  // 8 bits of pixel times 22 of weight, and the kernel's overshoot, stay within 32
constexpr std::int32_t one = 1 << weight_bits;
constexpr std::int32_t half = one / 2;

double catmull_rom(double x) {
  x = std::abs(x);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  if (x < 2) return ((-0.5 * x + 2.5) * x - 4) * x + 2;
  return 0;
}

/// For each position of the result along one side: the pixels of the picture that contribute to it, and their
/// weights. With `white`, the weight of the area outside the picture, they sum to `one`.
struct Taps {
  struct Place {
    int first = 0;  ///< in the picture
    int count = 0;
    std::size_t weights = 0;  ///< index of the first one
    std::int32_t white = 0;
  };
  std::vector<Place> places;
  std::vector<std::int32_t> weights;
};

/// The picture's `length` pixels begin at `start` of a side of `from`, which becomes `to` long.
Taps taps(int from, int to, int start, int length) {
  Taps out;
  const double scale = static_cast<double>(from) / to;
  const double widening = std::max(scale, 1.0);
  const double support = 2 * widening;
  std::vector<double> exact;
  for (int i = 0; i < to; ++i) {
    const double center = (i + 0.5) * scale;
    const int first = std::max(0, static_cast<int>(std::floor(center - support + 0.5)));
    const int last = std::min(from, static_cast<int>(std::floor(center + support + 0.5)));
    exact.clear();
    double sum = 0;
    for (int j = first; j < last; ++j) {
      exact.push_back(catmull_rom((j - center + 0.5) / widening));
      sum += exact.back();
    }
    Taps::Place place{
        .first = std::max(first - start, 0), .count = 0, .weights = out.weights.size(), .white = 0};
    for (int j = first; j < last; ++j) {
      const auto weight =
          static_cast<std::int32_t>(std::lround(exact[static_cast<std::size_t>(j - first)] / sum * one));
      if (j < start || j >= start + length) {
        place.white += weight;
      } else {
        out.weights.push_back(weight);
        ++place.count;
      }
    }
    out.places.push_back(place);
  }
  return out;
}

std::uint8_t to_byte(std::int32_t sum) {
  return static_cast<std::uint8_t>(std::clamp((sum + half) >> weight_bits, 0, 255));
}

void blend_row_with_white(const std::uint8_t* rgba, int width, std::uint8_t* rgb) {
  for (int x = 0; x < width; ++x, rgba += 4, rgb += 3) {
    const unsigned alpha = rgba[3];
    for (std::size_t c = 0; c < 3; ++c) {
      const unsigned mixed = rgba[c] * alpha + 255 * (255 - alpha) + 128;
      rgb[c] = static_cast<std::uint8_t>((mixed + (mixed >> 8)) >> 8);  // divided by 255, rounded
    }
  }
}

}  // namespace

std::vector<std::uint8_t> on_white_square(const Picture& picture, int size) {
  const int side = std::max(picture.width, picture.height);
  const auto columns = taps(side, size, (side - picture.width) / 2, picture.width);
  const auto rows = taps(side, size, (side - picture.height) / 2, picture.height);
  const auto out_row = std::size_t{3} * static_cast<std::size_t>(size);
  const auto width = static_cast<std::size_t>(picture.width);

  std::vector<std::uint8_t> row(3 * width);
  std::vector<std::uint8_t> narrow(
      out_row * static_cast<std::size_t>(picture.height));  // the picture's rows, `size` wide
  for (std::size_t y = 0; y < static_cast<std::size_t>(picture.height); ++y) {
    blend_row_with_white(&picture.rgba[4 * y * width], picture.width, row.data());
    auto* to = &narrow[out_row * y];
    for (const auto& place : columns.places) {
      const auto* pixel = row.data() + std::size_t{3} * static_cast<std::size_t>(place.first);
      const auto* weight = columns.weights.data() + place.weights;
      std::int32_t red = 255 * place.white;
      std::int32_t green = red;
      std::int32_t blue = red;
      for (int i = 0; i < place.count; ++i, pixel += 3) {
        red += pixel[0] * weight[i];
        green += pixel[1] * weight[i];
        blue += pixel[2] * weight[i];
      }
      *to++ = to_byte(red);
      *to++ = to_byte(green);
      *to++ = to_byte(blue);
    }
  }

  std::vector<std::uint8_t> out(out_row * static_cast<std::size_t>(size));
  std::vector<std::int32_t> sums(out_row);
  for (std::size_t y = 0; y < rows.places.size(); ++y) {
    const auto& place = rows.places[y];
    std::ranges::fill(sums, 255 * place.white);
    for (std::size_t i = 0; i < static_cast<std::size_t>(place.count); ++i) {
      const auto weight = rows.weights[place.weights + i];
      const auto* pixels = &narrow[out_row * (static_cast<std::size_t>(place.first) + i)];
      for (std::size_t x = 0; x < out_row; ++x) sums[x] += pixels[x] * weight;
    }
    std::ranges::transform(sums, out.begin() + static_cast<std::ptrdiff_t>(out_row * y), to_byte);
  }
  return out;
}

}  // namespace sluice::host::media
