#include "sluice/host/learning/learning_files.hpp"

#include <fmt/format.h>

namespace sluice::host {
namespace {

constexpr std::size_t keys_max = 16;
constexpr std::size_t input_bytes_max = std::size_t{32} << 30;  // the limit on memory may be lower
constexpr std::size_t piece_bytes_max = std::size_t{8} << 20;

Fail unknown(std::string_view what, std::string_view name) {
  return Fail(user_error(Code::not_found, fmt::format("unknown {} `{}`", what, name)));
}

}  // namespace

Result<void> LearningFiles::add(const std::string& key, const std::string& name, std::string piece) {
  const std::lock_guard lock(mutex_);
  if (!inputs_.contains(key) && inputs_.size() == keys_max)
    return Fail(environment_error(Code::exhausted,
                                  fmt::format("{} heads are being learned already; retry later", keys_max)));
  auto& inputs = inputs_[key];
  auto* const file = name == "features.npy" ? &inputs.table
                     : name == "index.json" ? &inputs.index
                     : name == "split.json" ? &inputs.split
                                            : nullptr;
  if (file == nullptr) return unknown("input", name);
  if (file->size() + piece.size() > input_bytes_max)
    return Fail(user_error(Code::too_large,
                           fmt::format("{}: over the limit of {} GiB", name, input_bytes_max >> 30)));
  if (file->empty())
    *file = std::move(piece);
  else
    *file += piece;
  return {};
}

Result<LearnInputs> LearningFiles::take(const std::string& key) {
  const std::lock_guard lock(mutex_);
  auto found = inputs_.extract(key);
  if (found.empty()) return unknown("learning", key);
  return std::move(found.mapped());
}

void LearningFiles::put(const std::string& key, LearnedHead learned) {
  const std::lock_guard lock(mutex_);
  outputs_[key] = std::move(learned);
}

Result<std::string> LearningFiles::read(const std::string& key, const std::string& name,
                                        std::size_t offset) const {
  const std::lock_guard lock(mutex_);
  const auto found = outputs_.find(key);
  if (found == outputs_.end()) return unknown("learning", key);
  const auto* const file = name == "model.json"         ? &found->second.model_json
                           : name == "head.onnx"        ? &found->second.head_onnx
                           : name == "predictions.json" ? &found->second.predictions_json
                                                        : nullptr;
  if (file == nullptr || offset > file->size()) return unknown("output", name);
  return file->substr(offset, piece_bytes_max);
}

void LearningFiles::remove(const std::string& key) {
  const std::lock_guard lock(mutex_);
  inputs_.erase(key);
  outputs_.erase(key);
}

}  // namespace sluice::host
