#pragma once
#include <cstdint>
#include <vector>

#include "sluice/host/learning/interval.hpp"

namespace sluice::host {

/// How far a head may be below nearest centroids.
inline constexpr double below_centroids_max = 0.02;

/// Why a head should not be served.
struct Refusal {
  enum class Code : std::uint8_t {
    not_above_largest_class,  ///< always to say the largest class might be as good; the limit is its share
    below_nearest_centroids,  ///< nearest centroids do better on the same folds; the limit is theirs less
                              ///< 0.02
  };
  Code code = Code::not_above_largest_class;
  double measured = 0;
  double limit = 0;
  bool operator==(const Refusal&) const = default;
};

/// What speaks against serving a head; empty: the gate is passed. All three are shares of right answers, not
/// balanced ones: to say always the largest class is right in its share of the cases, while its balanced
/// accuracy is 1 / classes whatever that share is.
std::vector<Refusal> refusals_of(const Estimate& accuracy, double largest_class_share,
                                 double nearest_centroids);

}  // namespace sluice::host
