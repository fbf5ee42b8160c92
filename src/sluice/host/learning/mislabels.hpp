#pragma once
#include <cstddef>
#include <span>
#include <vector>

#include "sluice/host/learning/logistic.hpp"

namespace sluice::host {

/// A sample whose label is likely wrong.
struct Mislabel {
  std::size_t sample = 0;
  std::size_t suggested = 0;  ///< the class that it more likely has
  double probability = 0;     ///< of that class, by heads that have not seen the sample
  double of_label = 0;        ///< of the label that it has
  bool operator==(const Mislabel&) const = default;
};

/// The samples that are confidently of another class than their label's, the surest first: confident
/// learning (Northcutt, Jiang and Chuang 2021, "Confident learning: estimating uncertainty in dataset
/// labels"). A sample is confidently of a class if that is its most probable one, at least as probable as it
/// is on average for the samples that have this label, and the sample's own label has a probability of 0.1 at
/// most: without that, more right labels were listed, and hardly more wrong ones (docs/decisions/0030).
/// `probabilities` are by heads that have not seen the sample.
std::vector<Mislabel> find_mislabels(const Matrix& probabilities, std::span<const std::size_t> labels);

}  // namespace sluice::host
