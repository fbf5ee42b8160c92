#include "sluice/host/learning/mislabels.hpp"

#include <algorithm>

namespace sluice::host {
namespace {

constexpr double of_label_max = 0.1;

}  // namespace

std::vector<Mislabel> find_mislabels(const Matrix& probabilities, std::span<const std::size_t> labels) {
  std::vector<double> sums(probabilities.columns);
  std::vector<double> counts(probabilities.columns);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    sums[labels[i]] += probabilities.row(i)[labels[i]];
    ++counts[labels[i]];
  }
  std::vector<Mislabel> out;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto row = probabilities.row(i);
    const auto most = static_cast<std::size_t>(std::ranges::max_element(row) - row.begin());
    const double of_label = row[labels[i]];
    if (row[most] <= of_label || of_label > of_label_max || row[most] * counts[most] < sums[most]) continue;
    out.push_back({.sample = i, .suggested = most, .probability = row[most], .of_label = of_label});
  }
  std::ranges::sort(out, {},
                    [](const Mislabel& m) { return std::pair(m.of_label - m.probability, m.sample); });
  return out;
}

}  // namespace sluice::host
