#pragma once
#include <cstdint>
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
  /// `memory` is what the host may use, in bytes.
  explicit LearningFiles(std::uint64_t memory) : memory_(memory) {}

  struct Sizes {
    std::uint64_t table = 0;
    std::uint64_t index = 0;
    std::uint64_t split = 0;
  };
  /// To be called before the inputs come. Code::too_large: learning from so much needs more memory than there
  /// is; Code::exhausted: than other learnings leave.
  Result<void> begin(const std::string& key, const Sizes& sizes);
  /// Appends to an input: features.npy, index.json or split.json. No more than was announced.
  Result<void> add(const std::string& key, const std::string& name, const std::string& piece);
  /// The inputs, which are released.
  Result<LearnInputs> take(const std::string& key);
  void put(const std::string& key, LearnedHead learned);
  /// A part of an output (model.json, head.onnx, predictions.json or appraisal.json) from `offset` on.
  [[nodiscard]] Result<std::string> read(const std::string& key, const std::string& name,
                                         std::size_t offset) const;
  void remove(const std::string& key);

 private:
  struct Inputs {
    LearnInputs files;
    Sizes sizes;
  };

  const std::uint64_t memory_;
  mutable std::mutex mutex_;
  std::map<std::string, Inputs> inputs_;
  std::map<std::string, std::uint64_t> needs_;  ///< memory, of each learning until it is removed
  std::map<std::string, LearnedHead> outputs_;
};

}  // namespace sluice::host
