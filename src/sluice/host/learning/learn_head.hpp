#pragma once
#include <cstdint>
#include <filesystem>

#include "sluice/base/value.hpp"
#include "sluice/host/head_description.hpp"
#include "sluice/runtimes/openvino/openvino.hpp"

namespace sluice::host {

/// What `learn_head` is made from and where it goes.
struct HeadOrder {
  std::filesystem::path features;  ///< the folder that embed_folder filled
  std::filesystem::path split;     ///< {"classes": […], "learned": [{"path", "label"}, …], "held_out": […]}
  std::filesystem::path out;       ///< gets model/ (README.md: a head's folder) and predictions.json
  std::int64_t seed = 0;           ///< of the folds
  double keep = 0.9;               ///< share of right answers that the reject threshold lets through
  BaseReference base;
  media::Preprocessing preprocessing;
};

/// Learns a head and asks the written one about every held-out picture. Answers a summary (classes, l2,
/// temperature, …), the same bytes for the same input. A class with fewer than two learned pictures is an
/// error that names it.
Result<Value> learn_head(runtimes::OpenVino& runtime, const HeadOrder& order);

}  // namespace sluice::host
