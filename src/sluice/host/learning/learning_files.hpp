#pragma once
#include <map>
#include <mutex>
#include <string>

#include "sluice/host/learning/learn_head.hpp"

namespace sluice::host {

/// The files of learnings in progress, by a key that the server chooses: inputs as they arrive piece by
/// piece, outputs until the server has fetched them. They are in memory only, for a host opens no files.
/// Thread-safe.
class LearningFiles {
 public:
  /// Appends to an input: features.npy, index.json or split.json.
  Result<void> add(const std::string& key, const std::string& name, std::string piece);
  /// The inputs, which are released.
  Result<LearnInputs> take(const std::string& key);
  void put(const std::string& key, LearnedHead learned);
  /// A part of an output (model.json, head.onnx or predictions.json) from `offset` on.
  [[nodiscard]] Result<std::string> read(const std::string& key, const std::string& name,
                                         std::size_t offset) const;
  void remove(const std::string& key);

 private:
  mutable std::mutex mutex_;
  std::map<std::string, LearnInputs> inputs_;
  std::map<std::string, LearnedHead> outputs_;
};

}  // namespace sluice::host
