#pragma once
#include <optional>
#include <string>
#include <vector>

#include "sluice/base/value.hpp"

namespace sluice::models {

/// A data set that went in.
struct CardData {
  std::string name;    ///< of the run's input, "pictures"
  std::string digest;  ///< SHA-256, hexadecimal
};

/// All that a card says. Nothing here may differ between two runs that made the same model: no run id, no
/// date.
struct CardFacts {
  std::string name;     ///< of the model
  std::string license;  ///< of the base, which holds for what stands on it; "unknown"
  std::vector<std::string> classes;
  std::string base_repository;  ///< "": stands on its own
  std::string base_commit;
  std::string base_digest;
  std::string base_tap;
  std::string head_file;
  std::vector<CardData> data;
  /// A number X may have an interval: X_low and X_high. `pictures`: on how many it was measured. `by_class`:
  /// {label:
  /// {"precision", "recall", "pictures"}}.
  Struct metrics;
  Struct training;                    ///< how it was learned: l2, seed, cross_validated_accuracy, …
  std::optional<double> threshold;    ///< of rejection
  std::optional<double> temperature;  ///< of calibration
  bool has_confusion_picture = false;
};

/// The facts of a classifier from its model.json. Code::invalid_argument where it has no classes.
Result<CardFacts> read_model_json(const std::string& text);

/// README.md: metadata in front, then what it does, numbers, how to call it, limits. The same facts give the
/// same bytes.
std::string write_card(const CardFacts& facts);

/// One line for a version: "10 classes, accuracy 0.819 (0.758 to 0.868 at 95 %)".
std::string brief(const CardFacts& facts);

}  // namespace sluice::models
