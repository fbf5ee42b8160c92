#pragma once
#include <string>

#include "sluice/base/value.hpp"
#include "sluice/host/learning/gate.hpp"
#include "sluice/host/learning/interval.hpp"
#include "sluice/host/learning/learning_curve.hpp"
#include "sluice/host/learning/mislabels.hpp"

namespace sluice::host {

/// How a class fares. Shares are means over the repeats of the cross-validation.
struct ClassAppraisal {
  std::size_t support = 0;    ///< its examples
  std::size_t different = 0;  ///< the same, near-duplicates of another example not counted
  double precision = 0;       ///< 0 if it was never predicted
  double recall = 0;
};

/// How often an example of a class was taken for which class, over all repeats.
struct Confusion {
  std::size_t label = 0;
  std::size_t predicted = 0;
  std::size_t count = 0;
};

/// An example that was predicted wrongly: the most probable class, by heads that have not seen it.
struct Mistake {
  std::size_t sample = 0;
  std::size_t predicted = 0;
  double probability = 0;
};

/// How far a head that is learned from samples can be trusted, measured with the samples themselves.
struct Appraisal {
  std::size_t samples = 0;
  std::size_t repeats = 0;
  std::size_t folds = 0;
  Estimate accuracy;
  Estimate balanced_accuracy;
  double nearest_accuracy = 0;  ///< of nearest centroids, on the same folds
  double nearest_balanced_accuracy = 0;
  double largest_class_share = 0;
  /// The mean difference between how sure answers are and how often they are right, over ten equally large
  /// groups of answers by how sure they are.
  double calibration_error = 0;
  double kept = 0;  ///< share of right answers that the reject threshold of their fold accepts
  std::vector<ClassAppraisal> classes;
  std::vector<Confusion> confusion;                  ///< what occurred, by label, then prediction
  std::vector<Mistake> mistakes;                     ///< the surest first, at most 1,000
  std::vector<Mislabel> mislabels;                   ///< the surest first, at most 100
  std::size_t mislabels_found = 0;                   ///< of which so many are listed
  std::vector<std::vector<std::size_t>> duplicates;  ///< groups of samples, at most 100 of at most 20
  std::size_t duplicate_groups = 0;                  ///< of which so many are listed
  LearningCurve curve;
  std::vector<MoreExamples> more;  ///< what twenty more examples of a class bring, at most 20 classes
  std::vector<Refusal> refusals;   ///< empty: the gate is passed
};

/// Settings of `appraise`.
struct AppraisalOptions {
  std::int64_t seed = 0;
  double keep = 0.9;  ///< share of right answers that a reject threshold accepts
  /// Called whenever one of several steps is done, and from time to time within a step.
  OnFitted advanced = [](std::size_t, std::size_t) {};
};

/// `samples` are rows of unit length, `reduced` the same as `Reduction` reduces them. There must be two
/// classes or more, and each label must occur. Deterministic for a seed. How often is repeated, and with how
/// much each fold is chosen, depends on the size, so that the time is bounded (README.md has figures).
Result<Appraisal> appraise(const Matrix& samples, const Matrix& reduced, std::span<const std::size_t> labels,
                           std::size_t classes, const AppraisalOptions& options);

/// appraisal.json (README.md), with names of classes and samples. `strangers_rejected` is that of the head's
/// `Choice`; under 0: it is left out.
Value to_value(const Appraisal& appraisal, const AppraisalOptions& options, double strangers_rejected,
               std::span<const std::string> classes, std::span<const std::string> paths,
               std::span<const std::size_t> labels);

}  // namespace sluice::host
