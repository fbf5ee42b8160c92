#pragma once
#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#include "sluice/base/random.hpp"
#include "sluice/host/learning/logistic.hpp"

namespace sluice::test {

/// Samples with labels.
struct Data {
  host::Matrix samples;
  std::vector<std::size_t> labels;
};

inline double normal(SeededRandom& random) {
  return std::sqrt(-2 * std::log(1 - random.unit())) * std::cos(6.283185307179586 * random.unit());
}

inline void make_unit(std::span<double> row) {
  const double length = std::sqrt(std::inner_product(row.begin(), row.end(), row.begin(), 0.0));
  for (double& x : row) x /= length;
}

/// `counts[c]` points around a center of each class c, as unit-length rows, in turn.
inline Data clusters(std::vector<std::size_t> counts, std::size_t columns, double spread,
                     std::uint64_t seed) {
  SeededRandom random(seed);
  host::Matrix centers(counts.size(), columns);
  for (double& x : centers.values) x = normal(random);
  const auto all = std::accumulate(counts.begin(), counts.end(), std::size_t{0});
  Data out{.samples = host::Matrix(all, columns), .labels = {}};
  for (std::size_t c = 0; out.labels.size() < all; c = (c + 1) % counts.size()) {
    if (counts[c] == 0) continue;
    --counts[c];
    auto row = out.samples.row(out.labels.size());
    for (std::size_t k = 0; k < columns; ++k) row[k] = centers.row(c)[k] + spread * normal(random);
    make_unit(row);
    out.labels.push_back(c);
  }
  return out;
}

inline Data clusters(std::size_t classes, std::size_t each, std::size_t columns, double spread,
                     std::uint64_t seed) {
  return clusters(std::vector<std::size_t>(classes, each), columns, spread, seed);
}

}  // namespace sluice::test
