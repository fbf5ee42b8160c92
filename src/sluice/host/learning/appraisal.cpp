#include "sluice/host/learning/appraisal.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "sluice/host/learning/duplicates.hpp"
#include "sluice/host/learning/folds.hpp"

namespace sluice::host {
namespace {

constexpr std::size_t mistakes_max = 1000;
constexpr std::size_t mislabels_max = 100;
constexpr std::size_t groups_max = 100;
constexpr std::size_t group_samples_max = 20;
constexpr std::size_t more_examples = 20;
constexpr std::size_t more_max = 20;
constexpr std::size_t confidence_groups = 10;

/// A fold should take the same share of each class: heads that learned from less of a class than of others
/// predict it too rarely (Parker, Günter and Bedo 2007, "Stratification bias in low signal microarray
/// studies"). So there are no more folds than examples of the smallest class, if those are at least three.
NestedSettings settings_for(const LearningTask& task, std::span<const std::size_t> different) {
  NestedSettings out{
      .inner = {.inverse_l2 = {1, 10, 100, 1000}, .folds = 5, .turns = 4, .sampled_rows = 120}};
  out.folds = std::clamp<std::size_t>(std::ranges::min(different), 3, 5);
  const auto rows = task.samples.rows;
  if (is_large(task))
    out.folds = 3;
  else if (rows <= 100)
    out.repeats = 5;
  else if (rows <= 250)
    out.repeats = 2;
  if (rows > 100) out.inner.folds = 3;
  return out;
}

/// The groups of several samples, and how many samples of a class count: of a group of n samples each
/// counts 1 / n (Kish 1965, "Survey Sampling": n samples with weights w tell as much as (Σw)² / Σw²).
struct Groups {
  std::vector<std::vector<std::size_t>> several;
  std::vector<std::size_t> different;  ///< groups with a sample of the class
  std::vector<double> effective;       ///< of each class

  Groups(std::span<const std::size_t> group_of, std::span<const std::size_t> labels, std::size_t classes)
      : different(classes), effective(classes) {
    std::map<std::size_t, std::vector<std::size_t>> members;
    for (std::size_t i = 0; i < group_of.size(); ++i) members[group_of[i]].push_back(i);
    std::vector<double> samples(classes);
    std::vector<double> squares(classes);
    for (auto& [first, own] : members) {
      std::map<std::size_t, double> of_class;
      for (const auto i : own) ++of_class[labels[i]];
      for (const auto& [label, count] : of_class) {
        ++different[label];
        samples[label] += count;
        squares[label] += count * count;
      }
      if (own.size() > 1) several.push_back(std::move(own));
    }
    for (std::size_t c = 0; c < classes; ++c)
      if (squares[c] > 0) effective[c] = samples[c] * samples[c] / squares[c];
  }
};

struct Shares {
  double accuracy = 0;
  double balanced = 0;
};

Shares shares_of(const LearningTask& task, const NestedValidation& validation,
                 std::vector<std::size_t> HeldOut::* answers) {
  Shares out;
  std::vector<std::span<const std::size_t>> all;
  std::size_t right = 0;
  for (const auto& held_out : validation.repeats) {
    all.emplace_back(held_out.*answers);
    for (std::size_t i = 0; i < task.labels.size(); ++i)
      right += (held_out.*answers)[i] == task.labels[i] ? 1 : 0;
  }
  out.accuracy =
      static_cast<double>(right) / static_cast<double>(task.labels.size() * validation.repeats.size());
  out.balanced = balanced_accuracy_of(task, all);
  return out;
}

/// What the head that learns from everything should have over heads that learned from all folds but one.
double gain_of_last_fold(double share, double exponent, std::size_t folds) {
  const auto part = static_cast<double>(folds - 1) / static_cast<double>(folds);
  return (1 - share) * (1 - std::pow(part, exponent));
}

double calibration_error_of(const Matrix& probabilities, std::span<const std::size_t> labels) {
  struct Answer {
    double sure;
    bool right;
  };
  std::vector<Answer> answers;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto row = probabilities.row(i);
    const auto most = std::ranges::max_element(row);
    answers.push_back({.sure = *most, .right = static_cast<std::size_t>(most - row.begin()) == labels[i]});
  }
  std::ranges::sort(answers, {}, [](const Answer& a) { return std::pair(a.sure, a.right); });
  const auto groups = std::min(confidence_groups, answers.size());
  double error = 0;
  for (std::size_t g = 0; g < groups; ++g) {
    double difference = 0;
    for (auto i = g * answers.size() / groups; i < (g + 1) * answers.size() / groups; ++i)
      difference += answers[i].sure - (answers[i].right ? 1 : 0);
    error += std::abs(difference) / static_cast<double>(answers.size());
  }
  return error;
}

double kept_of(const LearningTask& task, const NestedValidation& validation) {
  std::size_t right = 0;
  std::size_t kept = 0;
  for (const auto& held_out : validation.repeats)
    for (std::size_t i = 0; i < task.labels.size(); ++i) {
      if (held_out.predicted[i] != task.labels[i]) continue;
      ++right;
      kept += held_out.accepted[i] ? 1 : 0;
    }
  return right > 0 ? static_cast<double>(kept) / static_cast<double>(right) : 1;
}

void count_answers(Appraisal& out, const LearningTask& task, const NestedValidation& validation) {
  std::map<std::pair<std::size_t, std::size_t>, std::size_t> counts;
  std::vector<std::size_t> predicted(task.classes);
  std::vector<std::size_t> right(task.classes);
  for (const auto& held_out : validation.repeats)
    for (std::size_t i = 0; i < task.labels.size(); ++i) {
      const auto answer = held_out.predicted[i];
      if (answer == task.classes) continue;
      ++counts[{task.labels[i], answer}];
      ++predicted[answer];
      right[answer] += answer == task.labels[i] ? 1 : 0;
    }
  for (const auto& [pair, count] : counts)
    out.confusion.push_back({.label = pair.first, .predicted = pair.second, .count = count});
  for (std::size_t c = 0; c < task.classes; ++c) {
    auto& own = out.classes[c];
    const auto asked = static_cast<double>(own.support * validation.repeats.size());
    if (asked > 0) own.recall = static_cast<double>(right[c]) / asked;
    if (predicted[c] > 0) own.precision = static_cast<double>(right[c]) / static_cast<double>(predicted[c]);
  }
}

std::vector<Mistake> mistakes_of(const Matrix& probabilities, std::span<const std::size_t> labels) {
  std::vector<Mistake> out;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto row = probabilities.row(i);
    const auto most = static_cast<std::size_t>(std::ranges::max_element(row) - row.begin());
    if (row[most] > 0 && most != labels[i])
      out.push_back({.sample = i, .predicted = most, .probability = row[most]});
  }
  std::ranges::sort(out, {}, [](const Mistake& m) { return std::pair(-m.probability, m.sample); });
  out.resize(std::min(out.size(), mistakes_max));
  return out;
}

}  // namespace

Result<Appraisal> appraise(const Matrix& samples, const Matrix& reduced, std::span<const std::size_t> labels,
                           std::size_t classes, const AppraisalOptions& options) {
  SLUICE_CHECK(classes >= 2 && labels.size() == samples.rows && reduced.rows == samples.rows);
  // Only then is it known how much there is to do.
  const auto group_of = group_duplicates(samples, [&] { options.advanced(0, 1); });
  Groups groups(group_of, labels, classes);
  const LearningTask task{.samples = reduced, .labels = labels, .groups = group_of, .classes = classes};
  const auto settings = settings_for(task, groups.different);

  // The folds take most of the time; the curve has as many steps again as there are repeats.
  const auto steps = settings.repeats * settings.folds;
  const auto total = steps + settings.folds;
  SLUICE_TRY(validation,
             validate_nested(task, settings, options.seed, options.keep,
                             [&](std::size_t done, std::size_t) { options.advanced(done, total); }));
  SLUICE_TRY(curve, measure_curve(task, validation, options.seed, [&](std::size_t done, std::size_t all) {
               options.advanced(steps + done * settings.folds / all, total);
             }));

  Appraisal out{.samples = samples.rows, .repeats = settings.repeats, .folds = settings.folds};
  const auto counts = counts_of(labels, classes);
  for (std::size_t c = 0; c < classes; ++c)
    out.classes.push_back({.support = counts[c], .different = groups.different[c]});
  const auto shares = shares_of(task, validation, &HeldOut::predicted);
  const auto nearest = shares_of(task, validation, &HeldOut::nearest);
  const auto effective = std::accumulate(groups.effective.begin(), groups.effective.end(), 0.0);
  out.accuracy = estimate_of(shares.accuracy,
                             gain_of_last_fold(shares.accuracy, curve.exponent, settings.folds), effective);
  out.balanced_accuracy =
      estimate_of(shares.balanced, gain_of_last_fold(shares.balanced, curve.exponent, settings.folds),
                  balanced_examples(groups.effective));
  out.nearest_accuracy = nearest.accuracy;
  out.nearest_balanced_accuracy = nearest.balanced;
  out.largest_class_share = static_cast<double>(std::ranges::max(counts)) / static_cast<double>(samples.rows);
  out.calibration_error = calibration_error_of(validation.probabilities, labels);
  out.kept = kept_of(task, validation);
  count_answers(out, task, validation);
  out.mistakes = mistakes_of(validation.probabilities, labels);
  out.mislabels = find_mislabels(validation.probabilities, labels);
  out.mislabels_found = out.mislabels.size();
  out.mislabels.resize(std::min(out.mislabels.size(), mislabels_max));
  out.duplicate_groups = groups.several.size();
  groups.several.resize(std::min(groups.several.size(), groups_max));
  for (auto& group : groups.several) group.resize(std::min(group.size(), group_samples_max));
  out.duplicates = std::move(groups.several);
  out.more = gain_of_more(task, validation, curve.exponent, more_examples);
  std::erase_if(out.more, [](const MoreExamples& more) { return more.gain <= 0; });
  out.more.resize(std::min(out.more.size(), more_max));
  out.curve = std::move(curve);
  out.refusals = refusals_of(out.accuracy, out.largest_class_share, out.nearest_accuracy);
  return out;
}

}  // namespace sluice::host
