#include "sluice/app/terminal/chart.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <optional>

#include <fmt/format.h>

namespace sluice::app {
namespace {

// A cell is a character of Braille: two columns of four dots.
constexpr std::size_t dots_across = 2;
constexpr std::size_t dots_down = 4;

struct Dot {
  double x = 0;
  double y = 0;  ///< from the top
};

class Canvas {
 public:
  explicit Canvas(ChartSize size) : size_(size), cells_(size.columns * size.rows) {}

  void line(Dot from, Dot to) {
    const auto steps = std::ceil(std::max({std::abs(to.x - from.x), std::abs(to.y - from.y), 1.0}));
    for (double i = 0; i <= steps; ++i)
      set(std::lround(from.x + (to.x - from.x) * i / steps),
          std::lround(from.y + (to.y - from.y) * i / steps));
  }
  [[nodiscard]] std::string row(std::size_t number) const {
    auto end = size_.columns;
    while (end > 0 && cells_[number * size_.columns + end - 1] == 0) --end;
    std::string text;
    for (std::size_t column = 0; column < end; ++column) {
      const auto dots = cells_[number * size_.columns + column];
      // U+2800 and the dots, in UTF-8.
      text += '\xe2';
      text += static_cast<char>(0xa0U | dots >> 6U);
      text += static_cast<char>(0x80U | (dots & 0x3fU));
    }
    return text;
  }

 private:
  void set(std::int64_t x, std::int64_t y) {
    constexpr std::array<std::array<std::uint8_t, dots_across>, dots_down> bits{
        {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}}};
    const auto column = static_cast<std::size_t>(x);
    const auto row = static_cast<std::size_t>(y);
    cells_[row / dots_down * size_.columns + column / dots_across] |=
        bits[row % dots_down][column % dots_across];
  }

  ChartSize size_;
  std::vector<std::uint8_t> cells_;
};

/// Where `value` is between the two: 0 to 1. The greatest numbers have no difference, but half of them do.
double share(double value, double least, double greatest) {
  if (!(least < greatest)) return 0.5;
  return std::clamp((value / 2 - least / 2) / (greatest / 2 - least / 2), 0.0, 1.0);
}

}  // namespace

std::vector<std::string> chart_lines(std::span<const ChartPoint> points, ChartSize size) {
  std::vector<ChartPoint> numbers;
  std::ranges::copy_if(points, std::back_inserter(numbers),
                       [](const ChartPoint& point) { return std::isfinite(point.value); });
  if (numbers.size() < 2 || size.columns == 0 || size.rows == 0) return {};
  const auto [least, greatest] = std::ranges::minmax(numbers, {}, &ChartPoint::value);
  const auto [first, last] = std::ranges::minmax(points, {}, &ChartPoint::at);
  const bool beside = !(first.at < last.at);

  Canvas canvas(size);
  std::optional<Dot> before;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (!std::isfinite(points[i].value)) {
      before.reset();
      continue;
    }
    const auto across = beside ? share(static_cast<double>(i), 0, static_cast<double>(points.size() - 1))
                               : share(points[i].at, first.at, last.at);
    const auto up = share(points[i].value, least.value, greatest.value);
    const Dot dot{.x = across * static_cast<double>(size.columns * dots_across - 1),
                  .y = (1 - up) * static_cast<double>(size.rows * dots_down - 1)};
    canvas.line(before.value_or(dot), dot);
    before = dot;
  }

  std::vector<std::string> labels(size.rows);
  if (least.value < greatest.value && size.rows > 1) {
    labels.front() = fmt::format("{:.4g}", greatest.value);
    labels.back() = fmt::format("{:.4g}", least.value);
  } else {
    labels[size.rows / 2] = fmt::format("{:.4g}", greatest.value);
  }
  const auto width = std::ranges::max(labels, {}, &std::string::size).size();
  std::vector<std::string> lines;
  lines.reserve(size.rows);
  for (std::size_t row = 0; row < size.rows; ++row)
    lines.push_back(fmt::format("{:>{}} {}", labels[row], width, canvas.row(row)));
  return lines;
}

}  // namespace sluice::app
