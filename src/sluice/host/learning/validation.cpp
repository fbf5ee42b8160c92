#include "sluice/host/learning/validation.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <unordered_map>

#include "sluice/base/random.hpp"
#include "sluice/host/learning/folds.hpp"

namespace sluice::host {
namespace {

// Smaller differences of loss are due to chance: the stronger L2 is then chosen.
constexpr double loss_tolerance = 0.01;
constexpr std::array centroid_weights = {0.0, 1.0, 2.0, 4.0, 8.0};
constexpr double default_centroid_weight = 4;  // where there are too few classes to choose one
// With few samples, one division into folds is not reliable, so it is repeated with other folds. With many,
// repeating costs much and adds nothing.
constexpr std::size_t repeats = 3;
constexpr std::size_t repeated_samples_max = 250;
// Above so many products in one evaluation of the loss, strength and centroid weight are chosen with some of
// the classes and samples.
constexpr std::size_t products_max = 50'000'000;
constexpr std::size_t sampled_classes = 100;

std::size_t index_of_most(std::span<const double> row) {
  return static_cast<std::size_t>(std::ranges::max_element(row) - row.begin());
}

double log_sum_exp(std::span<const double> row, double factor) {
  const double most = std::ranges::max(row) * factor;
  double sum = 0;
  for (const double x : row) sum += std::exp(x * factor - most);
  return most + std::log(sum);
}

/// Outputs of models that were not trained on the sample. Each sample occurs once per repeat.
struct OutOfFold {
  std::vector<std::size_t> labels;
  std::vector<bool> known;  ///< whether the model has seen the sample's class
  Matrix cosines;
  std::vector<Matrix> logits;  ///< one for each strength of L2
};

/// Without the samples of a class that the model had not seen: they say nothing about its confidence.
OutOfFold only_known(OutOfFold all) {
  if (std::ranges::find(all.known, false) == all.known.end()) return all;
  std::vector<std::size_t> kept;
  for (std::size_t i = 0; i < all.labels.size(); ++i)
    if (all.known[i]) kept.push_back(i);
  OutOfFold out{.labels = entries_of(all.labels, kept),
                .known = std::vector<bool>(kept.size(), true),
                .cosines = rows_of(all.cosines, kept),
                .logits = {}};
  for (const auto& logits : all.logits) out.logits.push_back(rows_of(logits, kept));
  return out;
}

Result<OutOfFold> cross_validate(const LearningTask& task, const ChoiceSettings& settings,
                                 std::span<const double> inverse_l2, std::size_t folds, std::int64_t seed,
                                 const std::function<void()>& fitted) {
  const auto rows = task.samples.rows;
  SeededRandom random(static_cast<std::uint64_t>(seed));
  OutOfFold out{.labels = std::vector<std::size_t>(settings.repeats * rows),
                .known = std::vector<bool>(settings.repeats * rows),
                .cosines = Matrix(settings.repeats * rows, task.classes),
                .logits = {}};
  for (std::size_t c = 0; c < inverse_l2.size(); ++c)
    out.logits.emplace_back(settings.repeats * rows, task.classes);
  for (std::size_t time = 0; time < settings.repeats; ++time) {
    const auto fold_of = draw_folds(task.labels, task.groups, task.classes, folds, random);
    for (std::size_t fold = 0; fold < folds; ++fold) {
      const auto [training_rows, held_out_rows] = divide(fold_of, fold);
      if (held_out_rows.empty() || training_rows.empty()) continue;
      const auto training = rows_of(task.samples, training_rows);
      const auto held_out = rows_of(task.samples, held_out_rows);
      const auto labels = entries_of(task.labels, training_rows);
      const auto counts = counts_of(labels, task.classes);
      const auto scatter = [&](Matrix& to, const Matrix& from) {
        for (std::size_t i = 0; i < held_out_rows.size(); ++i)
          std::ranges::copy(from.row(i), to.row(time * rows + held_out_rows[i]).begin());
      };
      scatter(out.cosines, cosines_of(centroids_of(training, labels, task.classes), held_out));
      for (const auto i : held_out_rows) {
        out.labels[time * rows + i] = task.labels[i];
        out.known[time * rows + i] = counts[task.labels[i]] > 0;
      }
      Logistic model;
      for (std::size_t c = 0; c < inverse_l2.size(); ++c) {
        SLUICE_TRY(next,
                   fit_logistic(training, labels, task.classes, 1 / inverse_l2[c], c > 0 ? &model : nullptr));
        model = std::move(next);
        fitted();
        scatter(out.logits[c], logits_of(model, held_out));
      }
    }
  }
  return only_known(std::move(out));
}

/// Logits and cosines of samples of classes that the model was not trained on.
struct LeftOutClasses {
  Matrix logits;
  Matrix cosines;
};

/// Leaves classes out, in `turns` turns.
Result<std::vector<LeftOutClasses>> leave_classes_out(const LearningTask& task, std::size_t turns, double l2,
                                                      const std::function<void()>& fitted) {
  std::vector<LeftOutClasses> out;
  for (std::size_t turn = 0; turn < turns; ++turn) {
    std::vector<std::size_t> number(task.classes);  // of a class among those that are left
    std::size_t left = 0;
    for (std::size_t c = 0; c < task.classes; ++c)
      if (c % turns != turn) number[c] = left++;
    std::vector<std::size_t> training_rows;
    std::vector<std::size_t> excluded_rows;
    std::vector<std::size_t> labels;
    for (std::size_t i = 0; i < task.samples.rows; ++i) {
      if (task.labels[i] % turns == turn) {
        excluded_rows.push_back(i);
      } else {
        training_rows.push_back(i);
        labels.push_back(number[task.labels[i]]);
      }
    }
    if (excluded_rows.empty() || training_rows.empty()) continue;
    const auto training = rows_of(task.samples, training_rows);
    const auto excluded = rows_of(task.samples, excluded_rows);
    SLUICE_TRY(model, fit_logistic(training, labels, left, l2));
    fitted();
    out.push_back({logits_of(model, excluded), cosines_of(centroids_of(training, labels, left), excluded)});
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

double share_rejected(const std::vector<LeftOutClasses>& left_out, double temperature, double centroid_weight,
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

/// Some classes and samples of a task that is too large to choose with.
class Sampled {
 public:
  Sampled(const LearningTask& task, std::size_t most, std::uint64_t seed) {
    SeededRandom random(seed);
    std::vector<std::size_t> classes(task.classes);
    std::iota(classes.begin(), classes.end(), std::size_t{0});
    shuffle(classes, random);
    classes.resize(std::min(task.classes, sampled_classes));
    classes_ = classes.size();
    std::vector<std::vector<std::size_t>> of_class(task.classes);
    for (std::size_t i = 0; i < task.labels.size(); ++i) of_class[task.labels[i]].push_back(i);
    std::vector<std::size_t> rows;
    for (std::size_t c = 0; c < classes.size(); ++c) {
      auto& own = of_class[classes[c]];
      shuffle(own, random);
      own.resize(std::min(own.size(), std::max<std::size_t>(most / classes.size(), 3)));
      rows.insert(rows.end(), own.begin(), own.end());
      labels_.insert(labels_.end(), own.size(), c);
    }
    const auto few = rows_of(task.samples, rows);
    samples_ = Reduction(few).reduced();
    // A group has the number of its first sample here.
    std::unordered_map<std::size_t, std::size_t> first;
    for (std::size_t i = 0; i < rows.size(); ++i)
      groups_.push_back(first.emplace(task.groups[rows[i]], i).first->second);
  }
  [[nodiscard]] LearningTask task() const {
    return {.samples = samples_, .labels = labels_, .groups = groups_, .classes = classes_};
  }

 private:
  Matrix samples_;
  std::vector<std::size_t> labels_;
  std::vector<std::size_t> groups_;
  std::size_t classes_ = 0;
};

std::size_t folds_of(const LearningTask& task, const ChoiceSettings& settings) {
  const auto fewest = std::ranges::min(counts_of(task.labels, task.classes));
  return std::clamp<std::size_t>(fewest, 2, settings.folds);
}

std::size_t turns_of(const LearningTask& task, const ChoiceSettings& settings) {
  return task.classes >= 3 ? std::min(task.classes, settings.turns) : 0;
}

std::size_t fits_of(const LearningTask& task, const ChoiceSettings& settings) {
  return settings.repeats * folds_of(task, settings) * settings.inverse_l2.size() + turns_of(task, settings);
}

double threshold_at(const OutOfFold& predictions, const Matrix& logits, double temperature,
                    double centroid_weight, double keep) {
  return threshold_for(correct_scores(predictions, logits, temperature, centroid_weight), keep);
}

/// Threshold and accuracy for the chosen temperature and centroid weight.
void measure(Choice& out, const OutOfFold& predictions, const Matrix& logits, double keep) {
  std::size_t correct = 0;
  for (std::size_t i = 0; i < logits.rows; ++i)
    correct += index_of_most(logits.row(i)) == predictions.labels[i] ? 1 : 0;
  out.accuracy = static_cast<double>(correct) / static_cast<double>(logits.rows);
  out.threshold = threshold_at(predictions, logits, out.temperature, out.centroid_weight, keep);
  const auto scores = correct_scores(predictions, logits, out.temperature, out.centroid_weight);
  const auto kept = std::ranges::count_if(scores, [&](double score) { return score >= out.threshold; });
  out.kept = scores.empty() ? 1 : static_cast<double>(kept) / static_cast<double>(scores.size());
}

Result<Choice> choose_with_all(const LearningTask& task, const ChoiceSettings& settings, std::int64_t seed,
                               double keep, const OnFitted& on_fitted) {
  Choice out;
  out.folds = folds_of(task, settings);
  const auto total = fits_of(task, settings);
  const std::function<void()> fitted = [&, done = std::size_t{0}]() mutable { on_fitted(++done, total); };
  SLUICE_TRY(predictions, cross_validate(task, settings, settings.inverse_l2, out.folds, seed, fitted));
  out.centroid_weight = default_centroid_weight;
  out.strangers_rejected = -1;
  if (predictions.labels.empty()) {  // no class was seen without a fold of it: nothing can be compared
    out.l2 = 1 / settings.inverse_l2[settings.inverse_l2.size() / 2];
    out.threshold = std::numeric_limits<float>::lowest();
    return out;
  }

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
  out.l2 = 1 / settings.inverse_l2[best];
  const auto& logits = predictions.logits[best];
  if (const auto turns = turns_of(task, settings); turns > 0) {
    SLUICE_TRY(left_out, leave_classes_out(task, turns, out.l2, fitted));
    for (const double weight : centroid_weights) {
      const double rejected =
          share_rejected(left_out, out.temperature, weight,
                         threshold_at(predictions, logits, out.temperature, weight, keep));
      if (rejected <= out.strangers_rejected) continue;
      out.strangers_rejected = rejected;
      out.centroid_weight = weight;
    }
  }
  measure(out, predictions, logits, keep);
  return out;
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

ChoiceSettings usual_settings(const LearningTask& task) {
  return {.repeats = task.samples.rows <= repeated_samples_max ? repeats : 1};
}

bool is_large(const LearningTask& task) {
  return task.samples.rows * task.samples.columns * task.classes > products_max;
}

Result<Choice> choose_with_some(const LearningTask& task, const ChoiceSettings& settings, std::int64_t seed,
                                double keep, const OnFitted& fitted) {
  const Sampled sampled(task, settings.sampled_rows, static_cast<std::uint64_t>(seed));
  return choose_with_all(sampled.task(), settings, seed, keep, fitted);
}

Result<Choice> choose(const LearningTask& task, const ChoiceSettings& settings, std::int64_t seed,
                      double keep, const OnFitted& on_fitted) {
  if (!is_large(task)) return choose_with_all(task, settings, seed, keep, on_fitted);
  const auto folds = folds_of(task, settings);
  std::size_t tried = 0;
  SLUICE_TRY(out, choose_with_some(task, settings, seed, keep, [&](std::size_t done, std::size_t total) {
               tried = total;
               on_fitted(done, total + folds);
             }));
  const std::function<void()> fitted = [&, done = tried]() mutable { on_fitted(++done, tried + folds); };
  const std::array inverse_l2 = {1 / out.l2};
  SLUICE_TRY(predictions, cross_validate(task, {.repeats = 1}, inverse_l2, folds, seed, fitted));
  const auto& logits = predictions.logits.front();
  const auto calibration = calibrate(logits, predictions.labels);
  out.temperature = calibration.temperature;
  out.loss = calibration.loss;
  out.folds = folds;
  measure(out, predictions, logits, keep);
  return out;
}

}  // namespace sluice::host
