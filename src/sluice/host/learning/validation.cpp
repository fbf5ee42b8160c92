#include "sluice/host/learning/validation.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#include "sluice/base/random.hpp"

namespace sluice::host {
namespace {

// Inverse strengths, from strong to weak, so that each fit starts near its end.
constexpr std::array inverse_l2 = {1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0};
// A smaller difference of loss is chance: the stronger L2 then has it.
constexpr double loss_tolerance = 0.01;
constexpr std::array centroid_weights = {0.0, 1.0, 2.0, 4.0, 8.0};
constexpr double usual_centroid_weight = 4;  // where too few classes are there to try
constexpr std::size_t folds_max = 5;
// A fold of few samples says little: they are drawn again. With many it costs much and says nothing new.
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

/// The fold of each sample: as many of each class in every fold as can be.
std::vector<std::size_t> draw_folds(std::span<const std::size_t> labels, std::size_t classes,
                                    std::size_t folds, SeededRandom& random) {
  std::vector<std::vector<std::size_t>> members(classes);
  for (std::size_t i = 0; i < labels.size(); ++i) members[labels[i]].push_back(i);
  std::vector<std::size_t> out(labels.size());
  std::size_t next = 0;  // goes on from class to class, so that folds are of one size
  for (auto& own : members) {
    for (std::size_t i = 0; i + 1 < own.size(); ++i) std::swap(own[i], own[i + random.below(own.size() - i)]);
    for (const auto sample : own) out[sample] = next++ % folds;
  }
  return out;
}

/// Answers of models that did not see the sample. A sample stands here once a repeat.
struct OutOfFold {
  std::vector<std::size_t> labels;
  Matrix cosines;
  std::vector<Matrix> logits;  ///< one for each of inverse_l2
};

Result<OutOfFold> cross_validate(const Matrix& samples, std::span<const std::size_t> labels,
                                 std::size_t classes, std::size_t folds, std::int64_t seed) {
  const auto times = samples.rows <= repeated_samples_max ? repeats : 1;
  SeededRandom random(static_cast<std::uint64_t>(seed));
  OutOfFold out{.labels = std::vector<std::size_t>(times * samples.rows),
                .cosines = Matrix(times * samples.rows, classes),
                .logits = {}};
  for (std::size_t c = 0; c < inverse_l2.size(); ++c) out.logits.emplace_back(times * samples.rows, classes);
  for (std::size_t time = 0; time < times; ++time) {
    const auto fold_of = draw_folds(labels, classes, folds, random);
    for (std::size_t fold = 0; fold < folds; ++fold) {
      std::vector<std::size_t> inside;
      std::vector<std::size_t> outside;
      std::vector<std::size_t> inside_labels;
      for (std::size_t i = 0; i < samples.rows; ++i) {
        if (fold_of[i] == fold) {
          outside.push_back(i);
        } else {
          inside.push_back(i);
          inside_labels.push_back(labels[i]);
        }
      }
      if (outside.empty()) continue;
      const auto learned = rows_of(samples, inside);
      const auto asked = rows_of(samples, outside);
      const auto place = [&](Matrix& to, const Matrix& from) {
        for (std::size_t i = 0; i < outside.size(); ++i)
          std::ranges::copy(from.row(i), to.row(time * samples.rows + outside[i]).begin());
      };
      place(out.cosines, cosines_of(centroids_of(learned, inside_labels, classes), asked));
      for (const auto i : outside) out.labels[time * samples.rows + i] = labels[i];
      Logistic model;
      for (std::size_t c = 0; c < inverse_l2.size(); ++c) {
        SLUICE_TRY(
            next, fit_logistic(learned, inside_labels, classes, 1 / inverse_l2[c], c > 0 ? &model : nullptr));
        model = std::move(next);
        place(out.logits[c], logits_of(model, asked));
      }
    }
  }
  return out;
}

/// Logits and cosines of samples whose class a model never saw.
struct Strangers {
  Matrix logits;
  Matrix cosines;
};

Result<std::vector<Strangers>> leave_classes_out(const Matrix& samples, std::span<const std::size_t> labels,
                                                 std::size_t classes, double l2) {
  std::vector<Strangers> out;
  for (std::size_t left = 0; left < classes; ++left) {
    std::vector<std::size_t> inside;
    std::vector<std::size_t> outside;
    std::vector<std::size_t> inside_labels;
    for (std::size_t i = 0; i < samples.rows; ++i) {
      if (labels[i] == left) {
        outside.push_back(i);
      } else {
        inside.push_back(i);
        inside_labels.push_back(labels[i] - (labels[i] > left ? 1 : 0));
      }
    }
    const auto learned = rows_of(samples, inside);
    const auto asked = rows_of(samples, outside);
    SLUICE_TRY(model, fit_logistic(learned, inside_labels, classes - 1, l2));
    out.push_back(
        {logits_of(model, asked), cosines_of(centroids_of(learned, inside_labels, classes - 1), asked)});
  }
  return out;
}

std::vector<double> scores_of_right(const OutOfFold& answers, const Matrix& logits, double temperature,
                                    double centroid_weight) {
  std::vector<double> out;
  for (std::size_t i = 0; i < logits.rows; ++i)
    if (index_of_most(logits.row(i)) == answers.labels[i])
      out.push_back(score_of(logits.row(i), answers.cosines.row(i), temperature, centroid_weight));
  return out;
}

double share_below(const std::vector<Strangers>& strangers, double temperature, double centroid_weight,
                   double threshold) {
  std::size_t all = 0;
  std::size_t below = 0;
  for (const auto& of_class : strangers)
    for (std::size_t i = 0; i < of_class.logits.rows; ++i, ++all)
      below +=
          score_of(of_class.logits.row(i), of_class.cosines.row(i), temperature, centroid_weight) < threshold
              ? 1
              : 0;
  return all > 0 ? static_cast<double>(below) / static_cast<double>(all) : 0;
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
  // The loss is convex in 1/temperature, so it has one valley: golden section.
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
                      std::int64_t seed, double keep) {
  std::vector<std::size_t> counts(classes);
  for (const auto label : labels) ++counts[label];
  Choice out;
  out.folds = std::min(folds_max, std::ranges::min(counts));
  SLUICE_CHECK(classes >= 2 && out.folds >= 2);
  SLUICE_TRY(answers, cross_validate(samples, labels, classes, out.folds, seed));

  std::vector<Calibration> calibrations;
  calibrations.reserve(answers.logits.size());
  for (const auto& logits_at : answers.logits) calibrations.push_back(calibrate(logits_at, answers.labels));
  const double least = std::ranges::min_element(calibrations, {}, &Calibration::loss)->loss;
  const auto chosen =
      std::ranges::find_if(calibrations, [&](const auto& c) { return c.loss <= least + loss_tolerance; });
  const auto best = static_cast<std::size_t>(chosen - calibrations.begin());
  out.loss = chosen->loss;
  out.temperature = chosen->temperature;
  out.l2 = 1 / inverse_l2[best];
  const auto& logits = answers.logits[best];
  std::size_t right = 0;
  for (std::size_t i = 0; i < logits.rows; ++i)
    right += index_of_most(logits.row(i)) == answers.labels[i] ? 1 : 0;
  out.accuracy = static_cast<double>(right) / static_cast<double>(logits.rows);

  const auto threshold_at = [&](double centroid_weight) {
    return threshold_for(scores_of_right(answers, logits, out.temperature, centroid_weight), keep);
  };
  out.centroid_weight = usual_centroid_weight;
  out.strangers_rejected = -1;
  if (classes >= 3) {
    SLUICE_TRY(strangers, leave_classes_out(samples, labels, classes, out.l2));
    for (const double weight : centroid_weights) {
      const double rejected = share_below(strangers, out.temperature, weight, threshold_at(weight));
      if (rejected <= out.strangers_rejected) continue;
      out.strangers_rejected = rejected;
      out.centroid_weight = weight;
    }
  }
  out.threshold = threshold_at(out.centroid_weight);
  const auto scores = scores_of_right(answers, logits, out.temperature, out.centroid_weight);
  const auto kept = std::ranges::count_if(scores, [&](double score) { return score >= out.threshold; });
  out.kept = scores.empty() ? 1 : static_cast<double>(kept) / static_cast<double>(scores.size());
  return out;
}

}  // namespace sluice::host
