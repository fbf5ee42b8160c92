#pragma once
#include <span>
#include <vector>

#include "sluice/base/result.hpp"
#include "sluice/host/head_graph.hpp"

namespace sluice::host {

/// A head's prediction for one row of features.
struct Prediction {
  std::size_t label = 0;             ///< index into the classes
  std::vector<float> probabilities;  ///< one per class
  float score = 0;
  bool rejected = false;
};

/// What the graph of `write_head_graph` computes for one row (README.md has the formula), in f32, without a
/// runtime: compiling so small a graph takes twenty times longer than a request spends in it, and most of a
/// megabyte. The result depends on the row alone.
Prediction predict_row(const HeadNumbers& head, std::span<const float> row);

}  // namespace sluice::host
