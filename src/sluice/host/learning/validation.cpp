#include "sluice/host/learning/validation.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#include "sluice/base/random.hpp"

namespace sluice::host {
namespace {

// Inverse strengths of L2, from strong to weak, so that each fit starts near its solution.
constexpr std::array inverse_l2 = {1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0};
// Smaller differences of loss are due to chance: the stronger L2 is then chosen.
constexpr double loss_tolerance = 0.01;
constexpr std::array centroid_weights = {0.0, 1.0, 2.0, 4.0, 8.0};
constexpr double default_centroid_weight = 4;  // where there are too few classes to choose one
constexpr std::size_t folds_max = 5;
// With few samples, one division into folds is not reliable, so it is repeated with other folds. With many,
// repeating costs much and adds nothing.
constexpr std::size_t repeats = 3;
constexpr std::size_t repeated_samples_max = 250;

std::size_t index_of_most(std::span<const double> row) {
  return static_cast<std::size_t>(std::ranges::max_element(row) - row.begin());
}

double log_sum_exp(std::span<const double> row, double factor) {
  const double most = std::ranges::max(row) * factor;
  double sum = 0;
  for (const double x : row) sum += std::exp(x * factor - most);
  return most + std::log(sum);
}

Matrix rows_of(const Matrix& matrix, std::span<const std::size_t> indices) {
  Matrix out(indices.size(), matrix.columns);
  for (std::size_t i = 0; i < indices.size(); ++i)
    std::ranges::copy(matrix.row(indices[i]), out.row(i).begin());
  return out;
}

/// The fold of each sample, stratified: each class is spread over the folds as evenly as possible.
std::vector<std::size_t> draw_folds(std::span<const std::size_t> labels, std::size_t classes,
                                    std::size_t folds, SeededRandom& random) {
  std::vector<std::vector<std::size_t>> members(classes);
  for (std::size_t i = 0; i < labels.size(); ++i) members[labels[i]].push_back(i);
  std::vector<std::size_t> out(labels.size());
  std::size_t next = 0;  // continues from class to class, so that folds have equal sizes
  for (auto& own : members) {
    for (std::size_t i = 0; i + 1 < own.size(); ++i) std::swap(own[i], own[i + random.below(own.size() - i)]);
    for (const auto sample : own) out[sample] = next++ % folds;
  }
  return out;
}

std::size_t repeats_of(const Matrix& samples) { return samples.rows <= repeated_samples_max ? repeats : 1; }

/// Outputs of models that were not trained on the sample. Each sample occurs once per repeat.
struct OutOfFold {
  std::vector<std::size_t> labels;
  Matrix cosines;
  std::vector<Matrix> logits;  ///< one for each of inverse_l2
};

Result<OutOfFold> cross_validate(const Matrix& samples, std::span<const std::size_t> labels,
                                 std::size_t classes, std::size_t folds, std::int64_t seed,
                                 const std::function<void()>& fitted) {
  const auto times = repeats_of(samples);
  SeededRandom random(static_cast<std::uint64_t>(seed));
  OutOfFold out{.labels = std::vector<std::size_t>(times * samples.rows),
                .cosines = Matrix(times * samples.rows, classes),
                .logits = {}};
  for (std::size_t c = 0; c < inverse_l2.size(); ++c) out.logits.emplace_back(times * samples.rows, classes);
  for (std::size_t time = 0; time < times; ++time) {
    const auto fold_of = draw_folds(labels, classes, folds, random);
    for (std::size_t fold = 0; fold < folds; ++fold) {
      std::vector<std::size_t> training_indices;
      std::vector<std::size_t> validation_indices;
      std::vector<std::size_t> training_labels;
      for (std::size_t i = 0; i < samples.rows; ++i) {
        if (fold_of[i] == fold) {
          validation_indices.push_back(i);
        } else {
          training_indices.push_back(i);
          training_labels.push_back(labels[i]);
        }
      }
      if (validation_indices.empty()) continue;
      const auto training = rows_of(samples, training_indices);
      const auto validation = rows_of(samples, validation_indices);
      const auto scatter = [&](Matrix& to, const Matrix& from) {
        for (std::size_t i = 0; i < validation_indices.size(); ++i)
          std::ranges::copy(from.row(i), to.row(time * samples.rows + validation_indices[i]).begin());
      };
      scatter(out.cosines, cosines_of(centroids_of(training, training_labels, classes), validation));
      for (const auto i : validation_indices) out.labels[time * samples.rows + i] = labels[i];
      Logistic model;
      for (std::size_t c = 0; c < inverse_l2.size(); ++c) {
        SLUICE_TRY(next, fit_logistic(training, training_labels, classes, 1 / inverse_l2[c],
                                      c > 0 ? &model : nullptr));
        model = std::move(next);
        fitted();
        scatter(out.logits[c], logits_of(model, validation));
      }
    }
  }
  return out;
}

/// Logits and cosines of samples of a class that the model was not trained on.
struct LeftOutClass {
  Matrix logits;
  Matrix cosines;
};

Result<std::vector<LeftOutClass>> leave_classes_out(const Matrix& samples,
                                                    std::span<const std::size_t> labels, std::size_t classes,
                                                    double l2, const std::function<void()>& fitted) {
  std::vector<LeftOutClass> out;
  for (std::size_t excluded = 0; excluded < classes; ++excluded) {
    std::vector<std::size_t> training_indices;
    std::vector<std::size_t> validation_indices;
    std::vector<std::size_t> training_labels;
    for (std::size_t i = 0; i < samples.rows; ++i) {
      if (labels[i] == excluded) {
        validation_indices.push_back(i);
      } else {
        training_indices.push_back(i);
        training_labels.push_back(labels[i] - (labels[i] > excluded ? 1 : 0));
      }
    }
    const auto training = rows_of(samples, training_indices);
    const auto validation = rows_of(samples, validation_indices);
    SLUICE_TRY(model, fit_logistic(training, training_labels, classes - 1, l2));
    fitted();
    out.push_back({logits_of(model, validation),
                   cosines_of(centroids_of(training, training_labels, classes - 1), validation)});
  }
  return out;
}

std::vector<double> correct_scores(const OutOfFold& predictions, const Matrix& logits, double temperature,
                                   double centroid_weight) {
  std::vector<double> out;
  for (std::size_t i = 0; i < logits.rows; ++i)
    if (index_of_most(logits.row(i)) == predictions.labels[i])
      out.push_back(score_of(logits.row(i), predictions.cosines.row(i), temperature, centroid_weight));
  return out;
}

double share_rejected(const std::vector<LeftOutClass>& left_out, double temperature, double centroid_weight,
                      double threshold) {
  std::size_t all = 0;
  std::size_t rejected = 0;
  for (const auto& of_class : left_out)
    for (std::size_t i = 0; i < of_class.logits.rows; ++i, ++all)
      rejected +=
          score_of(of_class.logits.row(i), of_class.cosines.row(i), temperature, centroid_weight) < threshold
              ? 1
              : 0;
  return all > 0 ? static_cast<double>(rejected) / static_cast<double>(all) : 0;
}

}  // namespace

Centroids centroids_of(const Matrix& samples, std::span<const std::size_t> labels, std::size_t classes) {
  Centroids out{.center = std::vector<double>(samples.columns), .rows = Matrix(classes, samples.columns)};
  for (std::size_t i = 0; i < samples.rows; ++i)
    for (std::size_t k = 0; k < samples.columns; ++k)
      out.center[k] += samples.row(i)[k] / static_cast<double>(samples.rows);
  for (std::size_t i = 0; i < samples.rows; ++i)
    for (std::size_t k = 0; k < samples.columns; ++k)
      out.rows.row(labels[i])[k] += samples.row(i)[k] - out.center[k];
  for (std::size_t c = 0; c < classes; ++c) {
    const auto row = out.rows.row(c);
    const double length = std::sqrt(std::inner_product(row.begin(), row.end(), row.begin(), 0.0));
    for (double& x : row) x /= std::max(length, 1e-12);
  }
  return out;
}

Matrix cosines_of(const Centroids& centroids, const Matrix& samples) {
  Matrix out(samples.rows, centroids.rows.rows);
  std::vector<double> centered(samples.columns);
  for (std::size_t i = 0; i < samples.rows; ++i) {
    std::ranges::transform(samples.row(i), centroids.center, centered.begin(), std::minus<>());
    const double length =
        std::sqrt(std::inner_product(centered.begin(), centered.end(), centered.begin(), 0.0));
    for (std::size_t c = 0; c < out.columns; ++c) {
      const auto centroid = centroids.rows.row(c);
      out.row(i)[c] = std::inner_product(centered.begin(), centered.end(), centroid.begin(), 0.0) /
                      std::max(length, 1e-12);
    }
  }
  return out;
}

double score_of(std::span<const double> logits, std::span<const double> cosines, double temperature,
                double centroid_weight) {
  const auto label = index_of_most(logits);
  return logits[label] / temperature - log_sum_exp(logits, 1 / temperature) +
         centroid_weight * cosines[label];
}

Calibration calibrate(const Matrix& logits, std::span<const std::size_t> labels) {
  const auto loss_at = [&](double log_temperature) {
    const double factor = std::exp(-log_temperature);
    double loss = 0;
    for (std::size_t i = 0; i < logits.rows; ++i)
      loss += log_sum_exp(logits.row(i), factor) - logits.row(i)[labels[i]] * factor;
    return loss / static_cast<double>(logits.rows);
  };
  // The loss is convex in 1/temperature, so it has one minimum: golden-section search.
  double low = std::log(0.01);
  double high = std::log(100.0);
  constexpr double golden = 0.6180339887498949;
  double left = high - golden * (high - low);
  double right = low + golden * (high - low);
  double left_loss = loss_at(left);
  double right_loss = loss_at(right);
  while (high - low > 1e-4) {
    if (left_loss <= right_loss) {
      high = right;
      right = left;
      right_loss = left_loss;
      left = high - golden * (high - low);
      left_loss = loss_at(left);
    } else {
      low = left;
      left = right;
      left_loss = right_loss;
      right = low + golden * (high - low);
      right_loss = loss_at(right);
    }
  }
  const double best = (low + high) / 2;
  return {.temperature = std::exp(best), .loss = loss_at(best)};
}

double threshold_for(std::vector<double> scores, double keep) {
  if (scores.empty()) return std::numeric_limits<float>::lowest();
  std::ranges::sort(scores);
  const auto dropped =
      static_cast<std::size_t>(std::floor((1 - keep) * static_cast<double>(scores.size()) + 1e-9));
  return scores[std::min(dropped, scores.size() - 1)];
}

Result<Choice> choose(const Matrix& samples, std::span<const std::size_t> labels, std::size_t classes,
                      std::int64_t seed, double keep, const OnFitted& on_fitted) {
  std::vector<std::size_t> counts(classes);
  for (const auto label : labels) ++counts[label];
  Choice out;
  out.folds = std::min(folds_max, std::ranges::min(counts));
  SLUICE_CHECK(classes >= 2 && out.folds >= 2);
  const auto total = repeats_of(samples) * out.folds * inverse_l2.size() + (classes >= 3 ? classes : 0);
  const auto fitted = [&, done = std::size_t{0}]() mutable { on_fitted(++done, total); };
  SLUICE_TRY(predictions, cross_validate(samples, labels, classes, out.folds, seed, fitted));

  std::vector<Calibration> calibrations;
  calibrations.reserve(predictions.logits.size());
  for (const auto& logits_at : predictions.logits)
    calibrations.push_back(calibrate(logits_at, predictions.labels));
  const double least = std::ranges::min_element(calibrations, {}, &Calibration::loss)->loss;
  const auto chosen =
      std::ranges::find_if(calibrations, [&](const auto& c) { return c.loss <= least + loss_tolerance; });
  const auto best = static_cast<std::size_t>(chosen - calibrations.begin());
  out.loss = chosen->loss;
  out.temperature = chosen->temperature;
  out.l2 = 1 / inverse_l2[best];
  const auto& logits = predictions.logits[best];
  std::size_t correct = 0;
  for (std::size_t i = 0; i < logits.rows; ++i)
    correct += index_of_most(logits.row(i)) == predictions.labels[i] ? 1 : 0;
  out.accuracy = static_cast<double>(correct) / static_cast<double>(logits.rows);

  const auto threshold_at = [&](double centroid_weight) {
    return threshold_for(correct_scores(predictions, logits, out.temperature, centroid_weight), keep);
  };
  out.centroid_weight = default_centroid_weight;
  out.strangers_rejected = -1;
  if (classes >= 3) {
    SLUICE_TRY(left_out, leave_classes_out(samples, labels, classes, out.l2, fitted));
    for (const double weight : centroid_weights) {
      const double rejected = share_rejected(left_out, out.temperature, weight, threshold_at(weight));
      if (rejected <= out.strangers_rejected) continue;
      out.strangers_rejected = rejected;
      out.centroid_weight = weight;
    }
  }
  out.threshold = threshold_at(out.centroid_weight);
  const auto scores = correct_scores(predictions, logits, out.temperature, out.centroid_weight);
  const auto kept = std::ranges::count_if(scores, [&](double score) { return score >= out.threshold; });
  out.kept = scores.empty() ? 1 : static_cast<double>(kept) / static_cast<double>(scores.size());
  return out;
}

}  // namespace sluice::host
