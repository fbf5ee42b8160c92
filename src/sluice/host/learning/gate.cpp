#include "sluice/host/learning/gate.hpp"

namespace sluice::host {

std::vector<Refusal> refusals_of(const Estimate& accuracy, double largest_class_share,
                                 double nearest_centroids) {
  constexpr double rounding = 1e-9;
  std::vector<Refusal> out;
  if (accuracy.low <= largest_class_share)
    out.push_back({.code = Refusal::Code::not_above_largest_class,
                   .measured = accuracy.low,
                   .limit = largest_class_share});
  if (const double limit = nearest_centroids - below_centroids_max; accuracy.value < limit - rounding)
    out.push_back(
        {.code = Refusal::Code::below_nearest_centroids, .measured = accuracy.value, .limit = limit});
  return out;
}

}  // namespace sluice::host
