#pragma once
#include <cstddef>
#include <span>

namespace sluice::host {

/// An estimate of a share, and the 95 % interval in which that of the head that learned everything lies.
struct Estimate {
  double value = 0;     ///< as cross-validation measured it, with heads that learned from less
  double expected = 0;  ///< of the head that learned from everything
  double low = 0;
  double high = 1;
};

/// Of `examples` independent ones, cross-validation predicted the share `value` correctly, and learning from
/// everything should add `gain`.
///
/// It is Wilson's interval (1927, "Probable inference, the law of succession, and statistical inference")
/// around value + gain, for 0.7 times the examples: predictions of heads that share most of what they learned
/// from are not independent, which Nadeau and Bengio (2003, "Inference for the generalization error") correct
/// by a factor of a variance, as here. docs/decisions/0030 compares it with a bootstrap over examples, with
/// their interval, with that of Bates, Hastie and Tibshirani (2023, "Cross-validation: what does it estimate
/// and how well does it do it?"), and with sums of intervals by class.
Estimate estimate_of(double value, double gain, double examples);

/// The number of examples that tell as much about a balanced accuracy, the mean over classes of their shares,
/// as those of each class do: classes² / sum of 1 / examples. Classes without examples do not count.
double balanced_examples(std::span<const double> examples_of_class);

}  // namespace sluice::host
