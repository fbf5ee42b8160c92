#include "sluice/host/learning/nested_validation.hpp"

#include <algorithm>
#include <cmath>

#include "sluice/host/learning/folds.hpp"

namespace sluice::host {
namespace {

// An evaluation of the loss takes about half a second with so many products, a fit some thirty evaluations.
constexpr std::size_t trained_products_max = 4'000'000'000;
constexpr std::size_t calibrated_rows_max = 2000;
// Above, each fold chooses with some of its samples: choosing must cost little besides learning.
constexpr std::size_t chosen_with_all_max = 120;

std::size_t index_of_most(std::span<const double> row) {
  return static_cast<std::size_t>(std::ranges::max_element(row) - row.begin());
}

/// What the heads of one division into folds computed, before their temperature.
struct Raw {
  Matrix logits;
  Matrix cosines;
  std::vector<bool> known;  ///< whether the head has seen the sample's class
};

/// Part of a task, with its own numbers of groups.
class Part {
 public:
  Part(const LearningTask& task, std::span<const std::size_t> rows)
      : samples_(rows_of(task.samples, rows)),
        labels_(entries_of(task.labels, rows)),
        classes_(task.classes) {
    std::vector<std::size_t> number(task.labels.size(), rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      auto& first = number[task.groups[rows[i]]];
      first = std::min(first, i);
      groups_.push_back(first);
    }
  }
  [[nodiscard]] LearningTask task() const {
    return {.samples = samples_, .labels = labels_, .groups = groups_, .classes = classes_};
  }

 private:
  Matrix samples_;
  std::vector<std::size_t> labels_;
  std::vector<std::size_t> groups_;
  std::size_t classes_;
};

/// Rows to learn from, at most so many as can be afforded: of large classes some.
std::vector<std::size_t> affordable(const LearningTask& task, std::vector<std::size_t> rows,
                                    SeededRandom& random) {
  const auto most = std::max(trained_products_max / (task.samples.columns * task.classes), task.classes);
  if (rows.size() <= most) return rows;
  shuffle(rows, random);
  auto each = most / task.classes;
  while (first_of_each(rows, task.labels, task.classes, each + 1 + each / 4).size() <= most)
    each += 1 + each / 4;
  auto out = first_of_each(rows, task.labels, task.classes, each);
  std::ranges::sort(out);
  return out;
}

/// Temperature and threshold of one fold of a large task, from the predictions of the other folds.
void choose_by_others(Choice& choice, const LearningTask& task, const Raw& raw,
                      std::span<const std::size_t> fold_of, std::size_t fold, double keep,
                      SeededRandom& random) {
  std::vector<std::size_t> others;
  for (std::size_t i = 0; i < fold_of.size(); ++i)
    if (fold_of[i] != fold && raw.known[i]) others.push_back(i);
  if (others.empty()) return;
  shuffle(others, random);
  others.resize(std::min(others.size(), calibrated_rows_max));
  const auto logits = rows_of(raw.logits, others);
  choice.temperature = calibrate(logits, entries_of(task.labels, others)).temperature;
  std::vector<double> scores;
  for (std::size_t i = 0; i < others.size(); ++i)
    if (index_of_most(logits.row(i)) == task.labels[others[i]])
      scores.push_back(
          score_of(logits.row(i), raw.cosines.row(others[i]), choice.temperature, choice.centroid_weight));
  choice.threshold = threshold_for(scores, keep);
}

void add_probabilities(std::span<const double> logits, double temperature, double weight,
                       std::span<double> to) {
  const double most = std::ranges::max(logits);
  double sum = 0;
  for (const double x : logits) sum += std::exp((x - most) / temperature);
  for (std::size_t c = 0; c < logits.size(); ++c)
    to[c] += weight * std::exp((logits[c] - most) / temperature) / sum;
}

}  // namespace

std::vector<std::size_t> first_of_each(std::span<const std::size_t> indices,
                                       std::span<const std::size_t> labels, std::size_t classes,
                                       std::size_t each) {
  std::vector<std::size_t> counts(classes);
  std::vector<std::size_t> out;
  for (const auto i : indices)
    if (counts[labels[i]]++ < each) out.push_back(i);
  return out;
}

Result<NestedValidation> validate_nested(const LearningTask& task, const NestedSettings& settings,
                                         std::int64_t seed, double keep, const OnFitted& finished) {
  const auto rows = task.samples.rows;
  const auto total = settings.repeats * settings.folds;
  const bool large = is_large(task) || rows > chosen_with_all_max;
  SeededRandom random(static_cast<std::uint64_t>(seed));
  NestedValidation out{.repeats = {}, .probabilities = Matrix(rows, task.classes)};
  std::size_t done = 0;
  for (std::size_t repeat = 0; repeat < settings.repeats; ++repeat) {
    HeldOut held_out{.fold = draw_folds(task.labels, task.groups, task.classes, settings.folds, random),
                     .predicted = std::vector<std::size_t>(rows, task.classes),
                     .nearest = std::vector<std::size_t>(rows, task.classes),
                     .accepted = std::vector<bool>(rows),
                     .l2 = std::vector<double>(settings.folds, 1)};
    Raw raw{.logits = Matrix(rows, task.classes),
            .cosines = Matrix(rows, task.classes),
            .known = std::vector<bool>(rows)};
    std::vector<Choice> choices(settings.folds);
    for (std::size_t fold = 0; fold < settings.folds; ++fold) {
      const auto division = divide(held_out.fold, fold);
      finished(done++, total);
      if (division.held_out.empty() || division.training.empty()) continue;
      const Part part(task, affordable(task, division.training, random));
      const auto training = part.task();
      const auto inner_seed = static_cast<std::int64_t>(random.next() >> 1);
      const auto alive = [&](std::size_t, std::size_t) { finished(done, total); };
      SLUICE_TRY(choice, large ? choose_with_some(training, settings.inner, inner_seed, keep, alive)
                               : choose(training, settings.inner, inner_seed, keep, alive));
      SLUICE_TRY(model, fit_logistic(training.samples, training.labels, task.classes, choice.l2, nullptr,
                                     large ? rough_tolerance : fine_tolerance));
      choices[fold] = choice;
      held_out.l2[fold] = choice.l2;
      const auto samples = rows_of(task.samples, division.held_out);
      const auto logits = logits_of(model, samples);
      const auto cosines = cosines_of(centroids_of(training.samples, training.labels, task.classes), samples);
      const auto counts = counts_of(training.labels, task.classes);
      for (std::size_t i = 0; i < division.held_out.size(); ++i) {
        const auto row = division.held_out[i];
        raw.known[row] = counts[task.labels[row]] > 0;
        std::ranges::copy(logits.row(i), raw.logits.row(row).begin());
        std::ranges::copy(cosines.row(i), raw.cosines.row(row).begin());
        for (std::size_t c = 0; c < task.classes; ++c)
          if (counts[c] == 0) raw.cosines.row(row)[c] = -1;  // it has no centroid
      }
    }
    if (large)
      for (std::size_t fold = 0; fold < settings.folds; ++fold)
        choose_by_others(choices[fold], task, raw, held_out.fold, fold, keep, random);
    for (std::size_t i = 0; i < rows; ++i) {
      const auto& choice = choices[held_out.fold[i]];
      if (choice.l2 == 0) continue;  // there was nothing to learn from
      const auto logits = raw.logits.row(i);
      held_out.predicted[i] = index_of_most(logits);
      held_out.nearest[i] = index_of_most(raw.cosines.row(i));
      held_out.accepted[i] = score_of(logits, raw.cosines.row(i), choice.temperature,
                                      choice.centroid_weight) >= choice.threshold;
      add_probabilities(logits, choice.temperature, 1 / static_cast<double>(settings.repeats),
                        out.probabilities.row(i));
    }
    out.repeats.push_back(std::move(held_out));
  }
  finished(total, total);
  return out;
}

}  // namespace sluice::host
