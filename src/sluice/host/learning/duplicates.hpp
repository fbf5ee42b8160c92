#pragma once
#include <cstddef>
#include <functional>
#include <vector>

#include "sluice/host/learning/logistic.hpp"

namespace sluice::host {

/// Two samples whose features have this cosine or more are near-duplicates. Of the 238 stamps, mirrored
/// pictures have 0.94 to 0.98, and the most similar pair of different things 0.84.
inline constexpr double duplicate_cosine = 0.92;

/// The group of each sample: the number of the first sample of the group (itself, if nothing is like it). A
/// sample joins the first group whose first sample it is a near-duplicate of, so that chains of slowly
/// changing pictures are divided. Rows have unit length. Exact; the time grows with the square of the groups.
/// `alive` is called from time to time.
std::vector<std::size_t> group_duplicates(const Matrix& samples, const std::function<void()>& alive);

}  // namespace sluice::host
