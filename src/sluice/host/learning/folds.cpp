#include "sluice/host/learning/folds.hpp"

#include <algorithm>
#include <numeric>
#include <tuple>

namespace sluice::host {

std::vector<std::size_t> groups_of_one(std::size_t samples) {
  std::vector<std::size_t> out(samples);
  std::iota(out.begin(), out.end(), std::size_t{0});
  return out;
}

void shuffle(std::span<std::size_t> values, SeededRandom& random) {
  for (std::size_t i = 0; i + 1 < values.size(); ++i)
    std::swap(values[i], values[i + random.below(values.size() - i)]);
}

std::vector<std::size_t> draw_folds(std::span<const std::size_t> labels, std::span<const std::size_t> groups,
                                    std::size_t classes, std::size_t folds, SeededRandom& random) {
  std::vector<std::vector<std::size_t>> members(labels.size());  // of the group with that number
  std::vector<std::vector<std::size_t>> of_class(classes);       // numbers of groups
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (members[groups[i]].empty()) of_class[labels[i]].push_back(groups[i]);
    members[groups[i]].push_back(i);
  }
  std::vector<std::size_t> out(labels.size());
  std::vector<std::size_t> sizes(folds);
  for (auto& own : of_class) {
    shuffle(own, random);
    std::vector<std::size_t> own_sizes(folds);
    for (const auto group : own) {
      std::size_t best = 0;
      for (std::size_t fold = 1; fold < folds; ++fold)
        if (std::tie(own_sizes[fold], sizes[fold]) < std::tie(own_sizes[best], sizes[best])) best = fold;
      ++own_sizes[best];
      sizes[best] += members[group].size();
      for (const auto sample : members[group]) out[sample] = best;
    }
  }
  return out;
}

Division divide(std::span<const std::size_t> fold_of, std::size_t fold) {
  Division out;
  for (std::size_t i = 0; i < fold_of.size(); ++i)
    (fold_of[i] == fold ? out.held_out : out.training).push_back(i);
  return out;
}

Matrix rows_of(const Matrix& matrix, std::span<const std::size_t> indices) {
  Matrix out(indices.size(), matrix.columns);
  for (std::size_t i = 0; i < indices.size(); ++i)
    std::ranges::copy(matrix.row(indices[i]), out.row(i).begin());
  return out;
}

std::vector<std::size_t> entries_of(std::span<const std::size_t> values,
                                    std::span<const std::size_t> indices) {
  std::vector<std::size_t> out;
  out.reserve(indices.size());
  for (const auto i : indices) out.push_back(values[i]);
  return out;
}

std::vector<std::size_t> counts_of(std::span<const std::size_t> labels, std::size_t classes) {
  std::vector<std::size_t> out(classes);
  for (const auto label : labels) ++out[label];
  return out;
}

}  // namespace sluice::host
