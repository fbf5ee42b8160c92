#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/base/result.hpp"

namespace sluice::host {

/// The numbers of a head. Matrices have a row a class.
struct HeadNumbers {
  std::size_t features = 0;
  std::size_t classes = 0;
  std::vector<float> weights;  ///< classes x features
  std::vector<float> bias;     ///< classes
  float temperature = 1;
  std::vector<float> center;     ///< features: the mean of the learned rows
  std::vector<float> centroids;  ///< classes x features: unit-length means of the learned rows less `center`
  float centroid_weight = 0;
  float threshold = 0;
};

/// head.onnx, as README.md describes it. Centroids are rounded to f16: they only move the score, and are half
/// of the file. The same numbers give the same bytes.
std::string write_head_graph(const HeadNumbers& numbers);

/// The numbers of a graph that is, byte for byte, what `write_head_graph` makes of them; nullopt for any
/// other. Their centroids are rounded.
std::optional<HeadNumbers> read_head_graph(std::string_view bytes);

/// Whether an ONNX file is such a graph: its operators, input, outputs and sizes are those of format 1, its
/// tensors are inside the file. Nothing else reaches the runtime. `name` leads messages.
Result<void> check_head_graph(std::string_view bytes, std::size_t features, std::size_t classes,
                              std::string_view name);

}  // namespace sluice::host
