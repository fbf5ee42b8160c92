#include "sluice/host/learning/duplicates.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <Eigen/Core>

namespace sluice::host {
namespace {

// A distance in some dimensions is no larger than in all, and few tell most pairs apart: first some
// directions in which the samples differ much, then pieces of the features.
constexpr std::size_t directions_max = 24;
constexpr Eigen::Index piece = 128;
constexpr std::size_t rows_between_calls = 64;
constexpr double rounding = 1e-4;  // of single precision

using Row = Eigen::Map<const Eigen::ArrayXf>;

bool is_beyond(const Row& a, const Row& b, float limit) {
  float distance = 0;
  for (Eigen::Index at = 0; at < a.size() && distance <= limit; at += piece) {
    const auto count = std::min(piece, a.size() - at);
    distance += (a.segment(at, count) - b.segment(at, count)).square().sum();
  }
  return distance > limit;
}

double dot(std::span<const double> a, std::span<const double> b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

/// Orthonormal directions in which the samples differ: samples spread over all of them, made orthogonal.
Matrix directions_of(const Matrix& samples) {
  std::vector<double> mean(samples.columns);
  for (std::size_t i = 0; i < samples.rows; ++i)
    for (std::size_t k = 0; k < samples.columns; ++k)
      mean[k] += samples.row(i)[k] / static_cast<double>(samples.rows);
  const auto wanted = std::min({directions_max, samples.rows, samples.columns});
  Matrix out(wanted, samples.columns);
  std::size_t found = 0;
  for (std::size_t n = 0; n < wanted; ++n) {
    auto row = out.row(found);
    std::ranges::transform(samples.row(n * samples.rows / wanted), mean, row.begin(), std::minus<>());
    for (int pass = 0; pass < 2; ++pass)  // twice is enough for orthogonality in floating point
      for (std::size_t d = 0; d < found; ++d) {
        const auto other = std::as_const(out).row(d);
        const double part = dot(row, other);
        for (std::size_t k = 0; k < row.size(); ++k) row[k] -= part * other[k];
      }
    const double length = std::sqrt(dot(row, row));
    if (length < 1e-6) continue;
    for (double& x : row) x /= length;
    ++found;
  }
  out.rows = found;
  return out;
}

}  // namespace

std::vector<std::size_t> group_duplicates(const Matrix& samples, const std::function<void()>& alive) {
  std::vector<std::size_t> out(samples.rows);
  if (samples.rows == 0) return out;
  const auto directions = directions_of(samples);
  const auto width = directions.rows;
  // |x - y|² = 2 - 2 cos for rows of unit length.
  const auto limit = static_cast<float>(2 - 2 * duplicate_cosine + rounding);
  const std::vector<float> features(samples.values.begin(), samples.values.end());
  std::vector<float> projected;  // by directions
  for (std::size_t i = 0; i < samples.rows; ++i)
    for (std::size_t d = 0; d < width; ++d)
      projected.push_back(static_cast<float>(dot(samples.row(i), directions.row(d))));
  const auto row_of = [](const std::vector<float>& table, std::size_t columns, std::size_t i) {
    return Row(table.data() + i * columns, static_cast<Eigen::Index>(columns));
  };
  std::vector<std::size_t> firsts;
  for (std::size_t i = 0; i < samples.rows; ++i) {
    if (i % rows_between_calls == 0) alive();
    const auto is_like = [&](std::size_t first) {
      return !is_beyond(row_of(projected, width, i), row_of(projected, width, first), limit) &&
             !is_beyond(row_of(features, samples.columns, i), row_of(features, samples.columns, first),
                        limit) &&
             dot(samples.row(i), samples.row(first)) >= duplicate_cosine;
    };
    const auto found = std::ranges::find_if(firsts, is_like);
    out[i] = found != firsts.end() ? *found : i;
    if (found == firsts.end()) firsts.push_back(i);
  }
  return out;
}

}  // namespace sluice::host
