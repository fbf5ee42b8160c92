#pragma once
#include <vector>

#include "sluice/host/learning/nested_validation.hpp"

namespace sluice::host {

/// How well heads do that learned from at most `each` examples of a class.
struct CurvePoint {
  std::size_t each = 0;
  double balanced_accuracy = 0;
};

/// How the head gets better with more examples.
struct LearningCurve {
  std::vector<CurvePoint> points;  ///< growing; the last one is all that a fold learns from
  /// Of the power law that errors follow, error ~ examples^-exponent (Cortes et al. 1994, "Learning curves:
  /// asymptotic values and rate of convergence"): from the errors with half of the examples and with all of
  /// them. At least 0 and at most 1.
  double exponent = 0;
};

/// The curve on the folds of `validation`, with the strength of L2 that was chosen in each: each point learns
/// from more of the same examples. Of a large task, one fold is used.
Result<LearningCurve> measure_curve(const LearningTask& task, const NestedValidation& validation,
                                    std::int64_t seed, const OnFitted& fitted);

/// What more examples of a class should bring.
struct MoreExamples {
  std::size_t label = 0;
  double gain = 0;  ///< of balanced accuracy
};

/// For each class, what `more` examples of it should add to the balanced accuracy, largest first: half of
/// the errors in which it is involved (its examples that were taken for others, and others taken for it),
/// of which the power law leaves (n / (n + more))^exponent, n the examples that the class has. An exponent
/// under 0.1 counts as 0.1: with few examples it is measured badly, and the order depends on it little.
std::vector<MoreExamples> gain_of_more(const LearningTask& task, const NestedValidation& validation,
                                       double exponent, std::size_t more);

/// The mean over the classes that occur of the share of their samples for which `predicted` is the label,
/// over all repeats.
double balanced_accuracy_of(const LearningTask& task,
                            std::span<const std::span<const std::size_t>> predicted);

}  // namespace sluice::host
