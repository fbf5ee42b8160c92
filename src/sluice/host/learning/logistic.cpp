#include "sluice/host/learning/logistic.hpp"

#include <cmath>
#include <memory>

#include <Eigen/Core>
#include <Eigen/QR>
#include <fmt/format.h>
#include <lbfgs.h>

namespace sluice::host {
namespace {

using Rows = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using RowsView = Eigen::Map<const Rows>;
using Column = Eigen::VectorXd;

RowsView view(const Matrix& matrix) {
  return {matrix.values.data(), static_cast<Eigen::Index>(matrix.rows),
          static_cast<Eigen::Index>(matrix.columns)};
}

Matrix copy_of(const Rows& rows) {
  Matrix out(static_cast<std::size_t>(rows.rows()), static_cast<std::size_t>(rows.cols()));
  Eigen::Map<Rows>(out.values.data(), rows.rows(), rows.cols()) = rows;
  return out;
}

/// The objective that L-BFGS evaluates. Its variables are the weights by rows, then the bias.
struct Problem {
  RowsView samples;
  std::span<const std::size_t> labels;
  Eigen::Index classes;
  double l2;
  Rows residual;  ///< scratch: one row per sample

  /// The loss and its gradient, both divided by the number of samples.
  double evaluate(const double* variables, double* gradient) {
    const auto n = static_cast<double>(samples.rows());
    const Eigen::Map<const Rows> weights(variables, classes, samples.cols());
    const Eigen::Map<const Column> bias(variables + weights.size(), classes);
    Eigen::Map<Rows> weights_gradient(gradient, classes, samples.cols());
    Eigen::Map<Column> bias_gradient(gradient + weights.size(), classes);

    residual.noalias() = samples * weights.transpose();
    residual.rowwise() += bias.transpose();
    double loss = 0;
    for (Eigen::Index i = 0; i < residual.rows(); ++i) {
      auto row = residual.row(i);
      const auto label = static_cast<Eigen::Index>(labels[static_cast<std::size_t>(i)]);
      const double most = row.maxCoeff();
      row.array() -= most;
      loss -= row(label);
      row = row.array().exp();
      const double sum = row.sum();
      loss += std::log(sum);
      row /= sum;
      row(label) -= 1;
    }
    weights_gradient.noalias() = residual.transpose() * samples;
    weights_gradient = (weights_gradient + l2 * weights) / n;
    bias_gradient = residual.colwise().sum().transpose() / n;
    return (loss + 0.5 * l2 * weights.squaredNorm()) / n;
  }

  static lbfgsfloatval_t on_evaluate(void* self, const lbfgsfloatval_t* variables, lbfgsfloatval_t* gradient,
                                     int, lbfgsfloatval_t) {
    return static_cast<Problem*>(self)->evaluate(variables, gradient);
  }
};

// These statuses mean that numerical precision or a limit of iterations was reached, not that the fit failed.
bool converged(int status) {
  return status >= 0 || status == LBFGSERR_ROUNDING_ERROR || status == LBFGSERR_MAXIMUMITERATION ||
         status == LBFGSERR_MAXIMUMLINESEARCH || status == LBFGSERR_MINIMUMSTEP ||
         status == LBFGSERR_WIDTHTOOSMALL;
}

}  // namespace

Result<Logistic> fit_logistic(const Matrix& samples, std::span<const std::size_t> labels, std::size_t classes,
                              double l2, const Logistic* start, double tolerance) {
  SLUICE_CHECK(samples.rows == labels.size() && samples.rows > 0 && classes > 0);
  const auto weights = classes * samples.columns;
  const auto count = weights + classes;
  const std::unique_ptr<lbfgsfloatval_t, void (*)(lbfgsfloatval_t*)> variables(
      lbfgs_malloc(static_cast<int>(count)), lbfgs_free);
  SLUICE_CHECK(variables != nullptr);
  const std::span all(variables.get(), count);
  std::ranges::fill(all, 0.0);
  if (start != nullptr) {
    std::ranges::copy(start->weights.values, all.begin());
    std::ranges::copy(start->bias, all.begin() + static_cast<std::ptrdiff_t>(weights));
  }
  Problem problem{
      .samples = view(samples),
      .labels = labels,
      .classes = static_cast<Eigen::Index>(classes),
      .l2 = l2,
      .residual = Rows(static_cast<Eigen::Index>(samples.rows), static_cast<Eigen::Index>(classes))};
  lbfgs_parameter_t settings;
  lbfgs_parameter_init(&settings);
  settings.epsilon = tolerance;
  settings.max_iterations = 2000;
  const int status = lbfgs(static_cast<int>(count), variables.get(), nullptr, Problem::on_evaluate, nullptr,
                           &problem, &settings);
  if (!converged(status))
    return Fail(
        internal_error(Code::internal, fmt::format("learning failed: L-BFGS ended with status {}", status)));
  Logistic out{.weights = Matrix(classes, samples.columns), .bias = std::vector<double>(classes)};
  std::copy_n(all.begin(), weights, out.weights.values.begin());
  std::copy_n(all.begin() + static_cast<std::ptrdiff_t>(weights), classes, out.bias.begin());
  for (const double value : all)
    if (!std::isfinite(value))
      return Fail(internal_error(Code::internal, "learning failed: weights are not finite"));
  return out;
}

Matrix logits_of(const Logistic& model, const Matrix& samples) {
  Rows out = view(samples) * view(model.weights).transpose();
  out.rowwise() +=
      Eigen::Map<const Column>(model.bias.data(), static_cast<Eigen::Index>(model.bias.size())).transpose();
  return copy_of(out);
}

Reduction::Reduction(const Matrix& samples) {
  if (samples.rows >= samples.columns) {
    reduced_ = samples;
    return;
  }
  // samplesᵀ = Q R, so samples = Rᵀ Qᵀ: rows of Rᵀ are the samples in the basis that Q's columns are.
  const Eigen::HouseholderQR<Eigen::MatrixXd> factors(view(samples).transpose());
  const auto n = static_cast<Eigen::Index>(samples.rows);
  const Eigen::MatrixXd upper = factors.matrixQR().topRows(n).triangularView<Eigen::Upper>();
  reduced_ = copy_of(upper.transpose());
  const Eigen::MatrixXd basis = factors.householderQ() * Eigen::MatrixXd::Identity(view(samples).cols(), n);
  basis_ = copy_of(basis.transpose());
}

Matrix Reduction::restore(const Matrix& rows) const {
  if (basis_.rows == 0) return rows;
  return copy_of(view(rows) * view(basis_));
}

}  // namespace sluice::host
