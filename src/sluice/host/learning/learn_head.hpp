#pragma once
#include <cstdint>
#include <functional>
#include <string>

#include "sluice/base/value.hpp"
#include "sluice/host/head_description.hpp"
#include "sluice/runtimes/openvino/openvino.hpp"

namespace sluice::host {

/// The files that `learn_head` learns from. It releases each as soon as it has read it.
struct LearnInputs {
  std::string table;  ///< features.npy
  std::string index;  ///< index.json, of the same rows
  std::string split;  ///< split.json: {"classes": […], "learned": [{"path", "label"}, …], "held_out": […]}
};

/// Settings of `learn_head`.
struct LearnOptions {
  std::int64_t seed = 0;  ///< of the folds
  double keep = 0.9;      ///< share of correct predictions that the reject threshold accepts
  bool appraise = false;  ///< whether to measure how far the head can be trusted (appraisal.hpp)
  BaseReference base;
  media::Preprocessing preprocessing;
  /// Called whenever one of many classifiers was fitted.
  std::function<void(std::size_t done, std::size_t total)> fitted = [](std::size_t, std::size_t) {};
  /// Called whenever a step of the appraisal was done, and from time to time within one.
  std::function<void(std::size_t done, std::size_t total)> appraised = [](std::size_t, std::size_t) {};
};

/// A head that was learned: its files (README.md), and what it predicts.
struct LearnedHead {
  std::string model_json;
  std::string head_onnx;
  std::string predictions_json;  ///< of every held-out picture
  std::string appraisal_json;    ///< of the learned pictures; empty: it was not asked for
  Value summary;                 ///< classes, l2, temperature, …; the same for the same input
};

/// Learns a head and runs what it wrote on every held-out picture, if any are. A class with fewer than two
/// learned pictures is an error that names it.
Result<LearnedHead> learn_head(runtimes::OpenVino& runtime, LearnInputs inputs, const LearnOptions& options);

}  // namespace sluice::host
