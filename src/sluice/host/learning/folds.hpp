#pragma once
#include <cstddef>
#include <span>
#include <vector>

#include "sluice/base/random.hpp"
#include "sluice/host/learning/logistic.hpp"

namespace sluice::host {

/// The fold of each sample. Samples of one group are in one fold (a group has the number of one of its
/// samples, `groups_of_one`: each is alone), and each class is spread over the folds as evenly as possible,
/// a group counting as one of the class of its first sample.
std::vector<std::size_t> draw_folds(std::span<const std::size_t> labels, std::span<const std::size_t> groups,
                                    std::size_t classes, std::size_t folds, SeededRandom& random);
std::vector<std::size_t> groups_of_one(std::size_t samples);

/// The samples outside of a fold, and those in it.
struct Division {
  std::vector<std::size_t> training;
  std::vector<std::size_t> held_out;
};
Division divide(std::span<const std::size_t> fold_of, std::size_t fold);

Matrix rows_of(const Matrix& matrix, std::span<const std::size_t> indices);
/// The entries of `values` at `indices`: labels or groups of some of the samples.
std::vector<std::size_t> entries_of(std::span<const std::size_t> values,
                                    std::span<const std::size_t> indices);
/// How many samples each class has.
std::vector<std::size_t> counts_of(std::span<const std::size_t> labels, std::size_t classes);

/// Puts `values` into a random order.
void shuffle(std::span<std::size_t> values, SeededRandom& random);

}  // namespace sluice::host
