#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "sluice/host/learning/logistic.hpp"

namespace sluice::host {

/// Where the classes stand: the mean of all rows, and for each class the unit-length mean of its rows less
/// that.
struct Centroids {
  std::vector<double> center;
  Matrix rows;
};
Centroids centroids_of(const Matrix& samples, std::span<const std::size_t> labels, std::size_t classes);
/// Cosines of (sample - center) with each class's centroid: a row a sample.
Matrix cosines_of(const Centroids& centroids, const Matrix& samples);

/// How sure a head is of its label, from logits and cosines of one sample (README.md has the formula).
double score_of(std::span<const double> logits, std::span<const double> cosines, double temperature,
                double centroid_weight);

/// The temperature by which logits are divided to have the least loss (mean -log probability of the label).
struct Calibration {
  double temperature = 1;
  double loss = 0;
};
Calibration calibrate(const Matrix& logits, std::span<const std::size_t> labels);

/// The largest threshold that lets at least `keep` of `scores` through (score >= threshold).
double threshold_for(std::vector<double> scores, double keep);

/// What cross-validation chose.
struct Choice {
  double l2 = 0;
  double temperature = 1;
  double centroid_weight = 0;
  double threshold = 0;
  std::size_t folds = 0;
  double accuracy = 0;  ///< of out-of-fold answers
  double loss = 0;      ///< of the same, calibrated
  double kept = 0;      ///< share of right out-of-fold answers that the threshold lets through
  double strangers_rejected =
      0;  ///< share of pictures of a class left out that it rejects, each class in turn; -1: under 3 classes
};

/// Every class has two samples at least, and there are two classes at least. Seeded: the same input gives the
/// same choice.
Result<Choice> choose(const Matrix& samples, std::span<const std::size_t> labels, std::size_t classes,
                      std::int64_t seed, double keep);

}  // namespace sluice::host
