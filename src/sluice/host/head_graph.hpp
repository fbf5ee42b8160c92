#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/base/result.hpp"

namespace sluice::host {

/// The numbers of a head. Matrices have one row per class.
struct HeadNumbers {
  std::size_t features = 0;
  std::size_t classes = 0;
  std::vector<float> weights;  ///< classes x features
  std::vector<float> bias;     ///< classes
  float temperature = 1;
  std::vector<float> center;     ///< features: the mean of the training rows
  std::vector<float> centroids;  ///< classes x features: unit-length means of the training rows less `center`
  float centroid_weight = 0;
  float threshold = 0;
};

/// head.onnx, as README.md describes it. Centroids are rounded to f16: they only affect the score, and are
/// half of the file. The same numbers give the same bytes.
std::string write_head_graph(const HeadNumbers& numbers);

/// Returns the numbers of a graph that is, byte for byte, what `write_head_graph` writes for them; nullopt
/// for any other graph. The centroids are the rounded ones.
std::optional<HeadNumbers> read_head_graph(std::string_view bytes);

/// Checks that an ONNX file is such a graph: its operators, input, outputs and sizes are those of format 1,
/// and its tensors are inside the file. No other file reaches the runtime. `name` prefixes error messages.
Result<void> check_head_graph(std::string_view bytes, std::size_t features, std::size_t classes,
                              std::string_view name);

}  // namespace sluice::host
