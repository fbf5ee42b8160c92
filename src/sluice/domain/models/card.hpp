#pragma once
#include <optional>
#include <string>
#include <vector>

#include "sluice/base/value.hpp"

namespace sluice::models {

/// A data set that the model was trained or evaluated on.
struct CardData {
  std::string name;    ///< the name of the run's input, "pictures"
  std::string digest;  ///< SHA-256, hexadecimal
};

/// Everything that a card states. Nothing here may differ between two runs that produce the same model: no
/// run id, no date.
struct CardFacts {
  std::string name;     ///< the name of the model
  std::string license;  ///< of the base model, which also applies to its heads; "unknown"
  std::vector<std::string> classes;
  std::string base_repository;  ///< "": the model has no base
  std::string base_commit;
  std::string base_digest;
  std::string base_tap;
  std::string head_file;
  std::vector<CardData> data;
  /// A number X may have an interval: X_low and X_high. `pictures`: the number of pictures it was measured
  /// on. `by_class`: {label: {"precision", "recall", "pictures"}}.
  Struct metrics;
  Struct training;                    ///< how it was trained: l2, seed, cross_validated_accuracy, …
  std::optional<double> threshold;    ///< of rejection
  std::optional<double> temperature;  ///< of calibration
  bool has_confusion_picture = false;
};

/// Reads the facts of a classifier from its model.json. Code::invalid_argument if it lists no classes.
Result<CardFacts> read_model_json(const std::string& text);

/// Writes README.md: front matter, then what the model does, its metrics, how to call it, its limits. The
/// same facts give the same bytes.
std::string write_card(const CardFacts& facts);

/// A one-line description of a version: "10 classes, accuracy 0.819 (0.758 to 0.868 at 95 %)".
std::string brief(const CardFacts& facts);

}  // namespace sluice::models
