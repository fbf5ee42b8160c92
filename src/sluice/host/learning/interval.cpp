#include "sluice/host/learning/interval.hpp"

#include <algorithm>
#include <cmath>

namespace sluice::host {
namespace {

constexpr double z = 1.959963984540054;  // 95 % of a normal distribution lie within
// Chosen in simulations: docs/decisions/0030.
constexpr double independent_share = 0.7;

}  // namespace

Estimate estimate_of(double value, double gain, double examples) {
  Estimate out{.value = value, .expected = std::clamp(value + gain, 0.0, 1.0)};
  const double n = independent_share * examples;
  if (n <= 0) return out;
  const double p = out.expected;
  const double center = (p + z * z / (2 * n)) / (1 + z * z / n);
  const double half = z / (1 + z * z / n) * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n));
  out.low = std::clamp(center - half, 0.0, value);
  out.high = std::clamp(center + half, p, 1.0);
  return out;
}

double balanced_examples(std::span<const double> examples_of_class) {
  double classes = 0;
  double inverse = 0;
  for (const double examples : examples_of_class) {
    if (examples <= 0) continue;
    ++classes;
    inverse += 1 / examples;
  }
  return classes > 0 ? classes * classes / inverse : 0;
}

}  // namespace sluice::host
