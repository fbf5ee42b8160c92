#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>

#include "sluice/base/value.hpp"
#include "sluice/host/head_description.hpp"
#include "sluice/runtimes/openvino/openvino.hpp"

namespace sluice::host {

/// Inputs, settings and output folder of `learn_head`.
struct LearnOptions {
  std::filesystem::path features;  ///< the folder that embed_pictures filled
  std::filesystem::path split;     ///< {"classes": […], "learned": [{"path", "label"}, …], "held_out": […]}
  std::filesystem::path out;       ///< receives model/ (README.md: a head's folder) and predictions.json
  std::int64_t seed = 0;           ///< of the folds
  double keep = 0.9;               ///< share of correct predictions that the reject threshold accepts
  BaseReference base;
  media::Preprocessing preprocessing;
  /// Called whenever one of many classifiers was fitted.
  std::function<void(std::size_t done, std::size_t total)> fitted = [](std::size_t, std::size_t) {};
};

/// Learns a head and runs the written one on every held-out picture. Returns a summary (classes, l2,
/// temperature, …), the same for the same input. A class with fewer than two learned pictures is an
/// error that names it.
Result<Value> learn_head(runtimes::OpenVino& runtime, const LearnOptions& options);

}  // namespace sluice::host
