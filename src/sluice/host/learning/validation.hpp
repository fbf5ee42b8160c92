#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "sluice/host/learning/logistic.hpp"

namespace sluice::host {

/// Centroids of classes: the mean of all rows, and for each class the unit-length mean of its rows less that.
struct Centroids {
  std::vector<double> center;
  Matrix rows;
};
Centroids centroids_of(const Matrix& samples, std::span<const std::size_t> labels, std::size_t classes);
/// Cosines of (sample - center) with each class's centroid: one row per sample.
Matrix cosines_of(const Centroids& centroids, const Matrix& samples);

/// The confidence of a head in its label, from logits and cosines of one sample (README.md has the formula).
double score_of(std::span<const double> logits, std::span<const double> cosines, double temperature,
                double centroid_weight);

/// The temperature that, as a divisor of logits, gives the lowest loss (mean -log probability of the label).
struct Calibration {
  double temperature = 1;
  double loss = 0;
};
Calibration calibrate(const Matrix& logits, std::span<const std::size_t> labels);

/// The largest threshold that accepts at least the share `keep` of `scores` (score >= threshold).
double threshold_for(std::vector<double> scores, double keep);

/// Samples to learn from, and their classes. Samples of one group (`draw_folds`) are never divided.
struct LearningTask {
  const Matrix& samples;
  std::span<const std::size_t> labels;
  std::span<const std::size_t> groups;
  std::size_t classes = 0;
};

/// How much is tried to choose.
struct ChoiceSettings {
  /// Inverse strengths of L2, from strong to weak, so that each fit starts near its solution.
  std::vector<double> inverse_l2 = {1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0};
  std::size_t repeats = 1;  ///< of the division into folds
  std::size_t folds = 5;    ///< at most
  /// In which classes are left out, at most; one class in each if there are as many.
  std::size_t turns = 20;
  std::size_t sampled_rows = 1000;  ///< so many are chosen with if not all are
};
ChoiceSettings usual_settings(const LearningTask& task);

/// What cross-validation chose.
struct Choice {
  double l2 = 0;
  double temperature = 1;
  double centroid_weight = 0;
  double threshold = 0;
  std::size_t folds = 0;
  double accuracy = 0;  ///< of out-of-fold predictions
  double loss = 0;      ///< of the same, calibrated
  double kept = 0;      ///< share of correct out-of-fold predictions that the threshold accepts
  double strangers_rejected =
      0;  ///< share of rejected pictures of a left-out class, each class in turn; -1: under 3 classes
};

/// The number of classifiers that were fitted, and of all that will be.
using OnFitted = std::function<void(std::size_t done, std::size_t total)>;

/// There must be at least two classes. A sample whose class a fold has not seen does not count. Seeded: the
/// same input gives the same choice. `fitted` is called whenever one of the many classifiers was fitted. With
/// a large task, strength and centroid weight are chosen with some of its classes and samples.
Result<Choice> choose(
    const LearningTask& task, const ChoiceSettings& settings, std::int64_t seed, double keep,
    const OnFitted& fitted = [](std::size_t, std::size_t) {});
/// The same of a large task, without temperature and threshold for all of it: L2 and centroid weight alone
/// are of use.
Result<Choice> choose_with_some(const LearningTask& task, const ChoiceSettings& settings, std::int64_t seed,
                                double keep, const OnFitted& fitted);
/// Whether so much is computed for it that not everything is tried with all of it.
bool is_large(const LearningTask& task);

}  // namespace sluice::host
