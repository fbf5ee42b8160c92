#pragma once
#include <cstdint>

#include "sluice/host/learning/validation.hpp"

namespace sluice::host {

/// How often samples are divided, and what is tried in each fold.
struct NestedSettings {
  std::size_t repeats = 1;
  std::size_t folds = 5;
  ChoiceSettings inner;
};

/// What one division into folds gave, for each sample: heads that were learned without its fold.
struct HeldOut {
  std::vector<std::size_t> fold;
  std::vector<std::size_t> predicted;  ///< the number of classes: its fold left nothing to learn from
  std::vector<std::size_t> nearest;    ///< the class of the nearest centroid, likewise
  std::vector<bool> accepted;          ///< by the reject threshold
  std::vector<double> l2;              ///< chosen in each fold
};

/// Predictions for each sample by heads that have not seen it.
struct NestedValidation {
  std::vector<HeldOut> repeats;
  Matrix probabilities;  ///< one row per sample: the mean over the repeats
};

/// Repeated, stratified, nested cross-validation (Varma and Simon 2006, "Bias in error estimation when using
/// cross-validation for model selection"): L2, temperature, centroid weight and threshold are chosen in each
/// fold, without the samples that it holds out. With a large task (`is_large`), temperature and threshold
/// come from the predictions of the other folds, and at most `trained_products_max` bounds what each fold
/// learns from. A sample whose class occurs in its own fold alone cannot be predicted correctly, and counts
/// as it is.
Result<NestedValidation> validate_nested(const LearningTask& task, const NestedSettings& settings,
                                         std::int64_t seed, double keep, const OnFitted& finished);

/// The first `each` samples of each class of those at `indices`, in their order.
std::vector<std::size_t> first_of_each(std::span<const std::size_t> indices,
                                       std::span<const std::size_t> labels, std::size_t classes,
                                       std::size_t each);

}  // namespace sluice::host
