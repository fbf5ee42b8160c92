#include "sluice/host/learning/learning_curve.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "sluice/host/learning/folds.hpp"

namespace sluice::host {
namespace {

constexpr std::array<std::size_t, 16> steps = {1,  2,  3,   5,   8,   12,  20,   30,
                                               50, 80, 120, 200, 300, 500, 1000, 2000};
constexpr std::size_t points_max = 5;  // besides all examples
constexpr std::size_t repeats_max = 3;
constexpr double exponent_min = 0.1;

/// At most `points_max` of the steps below `most`, spread evenly.
std::vector<std::size_t> points_below(std::size_t most) {
  std::vector<std::size_t> below;
  for (const auto step : steps)
    if (step < most) below.push_back(step);
  if (below.size() <= points_max) return below;
  std::vector<std::size_t> out;
  out.reserve(points_max);
  for (std::size_t i = 0; i < points_max; ++i)
    out.push_back(below[i * (below.size() - 1) / (points_max - 1)]);
  return out;
}

/// Right answers by class.
struct Tally {
  std::vector<double> right;
  std::vector<double> all;

  explicit Tally(std::size_t classes) : right(classes), all(classes) {}
  void add(std::size_t label, std::size_t predicted) {
    ++all[label];
    right[label] += label == predicted ? 1 : 0;
  }
  [[nodiscard]] double balanced() const {
    double sum = 0;
    double classes = 0;
    for (std::size_t c = 0; c < all.size(); ++c) {
      if (all[c] == 0) continue;
      sum += right[c] / all[c];
      ++classes;
    }
    return classes > 0 ? sum / classes : 0;
  }
};

/// The first half of the samples of each class of those at `indices`, rounded up.
std::vector<std::size_t> half_of_each(std::span<const std::size_t> indices,
                                      std::span<const std::size_t> labels, std::size_t classes) {
  const auto counts = counts_of(entries_of(labels, indices), classes);
  std::vector<std::size_t> taken(classes);
  std::vector<std::size_t> out;
  for (const auto i : indices)
    if (2 * taken[labels[i]]++ < counts[labels[i]]) out.push_back(i);
  return out;
}

std::size_t index_of_most(std::span<const double> row) {
  return static_cast<std::size_t>(std::ranges::max_element(row) - row.begin());
}

Result<void> add_predictions(Tally& tally, const LearningTask& task, std::span<const std::size_t> training,
                             std::span<const std::size_t> held_out, double l2) {
  SLUICE_TRY(model, fit_logistic(rows_of(task.samples, training), entries_of(task.labels, training),
                                 task.classes, l2, nullptr, rough_tolerance));
  const auto logits = logits_of(model, rows_of(task.samples, held_out));
  for (std::size_t i = 0; i < held_out.size(); ++i)
    tally.add(task.labels[held_out[i]], index_of_most(logits.row(i)));
  return {};
}

}  // namespace

double balanced_accuracy_of(const LearningTask& task,
                            std::span<const std::span<const std::size_t>> predicted) {
  Tally tally(task.classes);
  for (const auto& answers : predicted)
    for (std::size_t i = 0; i < answers.size(); ++i) tally.add(task.labels[i], answers[i]);
  return tally.balanced();
}

Result<LearningCurve> measure_curve(const LearningTask& task, const NestedValidation& validation,
                                    std::int64_t seed, const OnFitted& fitted) {
  SeededRandom random(static_cast<std::uint64_t>(seed));
  const auto repeats = std::min(validation.repeats.size(), repeats_max);
  const auto folds = is_large(task) ? 1 : validation.repeats.front().l2.size();
  std::size_t each_max = 0;  // in the training of a fold
  for (std::size_t fold = 0; fold < folds; ++fold) {
    const auto training = divide(validation.repeats.front().fold, fold).training;
    each_max =
        std::max(each_max, std::ranges::max(counts_of(entries_of(task.labels, training), task.classes)));
  }
  const auto points = points_below(each_max);
  const auto total = repeats * folds * (points.size() + 1);
  std::size_t done = 0;
  std::vector<Tally> tallies(points.size(), Tally(task.classes));
  Tally half(task.classes);
  Tally full(task.classes);
  for (std::size_t repeat = 0; repeat < repeats; ++repeat) {
    const auto& held_out = validation.repeats[repeat];
    for (std::size_t fold = 0; fold < folds; ++fold) {
      auto division = divide(held_out.fold, fold);
      if (division.held_out.empty() || division.training.empty()) continue;
      auto& training = division.training;
      shuffle(training, random);
      for (std::size_t p = 0; p < points.size(); ++p) {
        SLUICE_DO(add_predictions(tallies[p], task,
                                  first_of_each(training, task.labels, task.classes, points[p]),
                                  division.held_out, held_out.l2[fold]));
        fitted(++done, total);
      }
      SLUICE_DO(add_predictions(half, task, half_of_each(training, task.labels, task.classes),
                                division.held_out, held_out.l2[fold]));
      fitted(++done, total);
      for (const auto i : division.held_out) full.add(task.labels[i], held_out.predicted[i]);
    }
  }
  LearningCurve out;
  for (std::size_t p = 0; p < points.size(); ++p)
    out.points.push_back({.each = points[p], .balanced_accuracy = tallies[p].balanced()});
  out.points.push_back({.each = each_max, .balanced_accuracy = full.balanced()});
  const double error = 1 - full.balanced();
  const double error_of_half = 1 - half.balanced();
  if (error > 0 && error_of_half > error) out.exponent = std::min(std::log2(error_of_half / error), 1.0);
  return out;
}

std::vector<MoreExamples> gain_of_more(const LearningTask& task, const NestedValidation& validation,
                                       double exponent, std::size_t more) {
  const auto counts = counts_of(task.labels, task.classes);
  const auto repeats = static_cast<double>(validation.repeats.size());
  const auto classes = static_cast<double>(task.classes);
  std::vector<double> involved(task.classes);
  for (const auto& held_out : validation.repeats)
    for (std::size_t i = 0; i < task.labels.size(); ++i) {
      const auto label = task.labels[i];
      const auto predicted = held_out.predicted[i];
      if (label == predicted) continue;
      const double part = 1 / (2 * repeats * classes * static_cast<double>(counts[label]));
      involved[label] += part;
      if (predicted < task.classes) involved[predicted] += part;
    }
  std::vector<MoreExamples> out;
  for (std::size_t c = 0; c < task.classes; ++c) {
    const auto n = static_cast<double>(counts[c]);
    const double left = std::pow(n / (n + static_cast<double>(more)), std::max(exponent, exponent_min));
    out.push_back({.label = c, .gain = involved[c] * (1 - left)});
  }
  std::ranges::sort(out, {}, [](const MoreExamples& m) { return std::pair(-m.gain, m.label); });
  return out;
}

}  // namespace sluice::host
