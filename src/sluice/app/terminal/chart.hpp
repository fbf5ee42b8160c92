#pragma once
// A chart of a series of values, as lines of text.
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace sluice::app {

struct ChartPoint {
  double at = 0;  ///< where it is from left to right; where all are at one place, they are drawn side by side
  double value = 0;  ///< not a number: the line is interrupted
};

struct ChartSize {
  std::size_t columns = 60;  ///< cells of the drawing, without the numbers on its left
  std::size_t rows = 4;
};

/// The points, in their order, joined by lines of dots; the greatest and the least value are written on the
/// left. No lines if fewer than two values are numbers.
std::vector<std::string> chart_lines(std::span<const ChartPoint> points, ChartSize size);

}  // namespace sluice::app
