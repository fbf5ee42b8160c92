#include "sluice/host/head_arithmetic.hpp"

#include <algorithm>
#include <cmath>

#include <Eigen/Core>

namespace sluice::host {
namespace {

using Vector = Eigen::Map<const Eigen::VectorXf>;
using Rows = Eigen::Map<const Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>;

constexpr float tiny = 1e-20F;  // as in the graph

Vector vector_of(std::span<const float> values) {
  return {values.data(), static_cast<Eigen::Index>(values.size())};
}

}  // namespace

Prediction predict_row(const HeadNumbers& head, std::span<const float> row) {
  const auto classes = static_cast<Eigen::Index>(head.classes);
  const auto features = static_cast<Eigen::Index>(head.features);
  const auto x = vector_of(row);

  Eigen::VectorXf calibrated = Rows(head.weights.data(), classes, features) * x + vector_of(head.bias);
  calibrated /= head.temperature;
  Eigen::Index label = 0;
  const float highest = calibrated.maxCoeff(&label);
  Eigen::VectorXf probability = (calibrated.array() - highest).exp();
  probability /= probability.sum();

  const Eigen::VectorXf centered = x - vector_of(head.center);
  const float product = Rows(head.centroids.data(), classes, features).row(label).dot(centered);
  const float cosine = product / std::max(centered.norm(), tiny);
  const float confidence = std::max(probability.maxCoeff(), tiny);

  Prediction out{.label = static_cast<std::size_t>(label),
                 .probabilities = {probability.begin(), probability.end()},
                 .score = std::log(confidence) + cosine * head.centroid_weight};
  out.rejected = out.score < head.threshold;
  return out;
}

}  // namespace sluice::host
