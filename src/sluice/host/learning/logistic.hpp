#pragma once
#include <cstddef>
#include <span>
#include <vector>

#include "sluice/base/result.hpp"

namespace sluice::host {

/// A matrix, stored by rows.
struct Matrix {
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::vector<double> values = {};

  Matrix() = default;
  Matrix(std::size_t row_count, std::size_t column_count)
      : rows(row_count), columns(column_count), values(row_count * column_count) {}
  [[nodiscard]] std::span<double> row(std::size_t i) {
    return std::span(values).subspan(i * columns, columns);
  }
  [[nodiscard]] std::span<const double> row(std::size_t i) const {
    return std::span(values).subspan(i * columns, columns);
  }
  bool operator==(const Matrix&) const = default;
};

/// A linear classifier: logits = weights x + bias.
struct Logistic {
  Matrix weights;            ///< one row per class
  std::vector<double> bias;  ///< one value per class; not regularized
};

/// How exactly a minimum is found: as good as double precision allows, or well enough to know which class is
/// the most probable one.
inline constexpr double fine_tolerance = 1e-6;
inline constexpr double rough_tolerance = 1e-4;

/// The multinomial logistic regression that minimises
///   sum over samples of -log softmax(weights x + bias)[label]  +  l2 / 2 · |weights|²
/// by L-BFGS, until the gradient is at most `tolerance` times the variables. `start` (or null) is where to
/// begin. Deterministic.
Result<Logistic> fit_logistic(const Matrix& samples, std::span<const std::size_t> labels, std::size_t classes,
                              double l2, const Logistic* start = nullptr, double tolerance = fine_tolerance);

/// One row of logits per sample.
Matrix logits_of(const Logistic& model, const Matrix& samples);

/// The same samples projected to as many dimensions as there are samples, if those are fewer. All inner
/// products are preserved, so everything above can be computed there, much faster. `restore` maps weights
/// back.
class Reduction {
 public:
  explicit Reduction(const Matrix& samples);
  [[nodiscard]] const Matrix& reduced() const { return reduced_; }
  /// Rows in the reduced space (weights, means) as rows of the full one.
  [[nodiscard]] Matrix restore(const Matrix& rows) const;

 private:
  Matrix reduced_;
  Matrix basis_;  ///< one row per reduced dimension; empty: nothing was reduced
};

}  // namespace sluice::host
