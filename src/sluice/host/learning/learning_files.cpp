#include "sluice/host/learning/learning_files.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "sluice/base/words.hpp"

namespace sluice::host {
namespace {

constexpr std::size_t keys_max = 16;
constexpr std::uint64_t input_bytes_max = std::uint64_t{1} << 40;  // so that what is needed can be computed
// Memory at the peak for a byte of the table (measured: 7.3), and of the parsed texts (estimated).
constexpr std::uint64_t numbers_factor = 8;
constexpr std::uint64_t names_factor = 16;
constexpr std::size_t piece_bytes_max = std::size_t{8} << 20;

Fail unknown(std::string_view what, std::string_view name) {
  return Fail(user_error(Code::not_found, fmt::format("unknown {} `{}`", what, name)));
}

}  // namespace

Result<void> LearningFiles::begin(const std::string& key, const Sizes& sizes) {
  if (std::max({sizes.table, sizes.index, sizes.split}) > input_bytes_max)
    return Fail(
        user_error(Code::too_large, fmt::format("features and split are over the limit of {} for each file",
                                                human_bytes(input_bytes_max))));
  const auto needs = numbers_factor * sizes.table + names_factor * (sizes.index + sizes.split);
  if (needs > memory_)
    return Fail(user_error(
        Code::too_large,
        fmt::format("learning from {} of features takes about {} of memory, and a model host may use {} on "
                    "this machine; learn from fewer pictures, or on a machine with more memory",
                    human_bytes(sizes.table), human_bytes(needs), human_bytes(memory_))));
  const std::lock_guard lock(mutex_);
  auto taken = needs;
  for (const auto& [other, bytes] : needs_) taken += bytes;
  if (needs_.size() == keys_max || taken > memory_)
    return Fail(environment_error(
        Code::exhausted, fmt::format("{} heads are being learned already; retry later", needs_.size())));
  needs_[key] = needs;
  auto& inputs = inputs_[key];
  inputs = {.files = {}, .sizes = sizes};
  inputs.files.table.reserve(sizes.table);
  inputs.files.index.reserve(sizes.index);
  inputs.files.split.reserve(sizes.split);
  return {};
}

Result<void> LearningFiles::add(const std::string& key, const std::string& name, const std::string& piece) {
  const std::lock_guard lock(mutex_);
  const auto found = inputs_.find(key);
  if (found == inputs_.end()) return unknown("learning", key);
  auto& [files, sizes] = found->second;
  const auto append = [&](std::string& file, std::uint64_t size) -> Result<void> {
    if (file.size() + piece.size() > size)
      return Fail(invalid_argument(name, fmt::format("over the {} bytes that were announced", size)));
    file += piece;
    return {};
  };
  if (name == "features.npy") return append(files.table, sizes.table);
  if (name == "index.json") return append(files.index, sizes.index);
  if (name == "split.json") return append(files.split, sizes.split);
  return unknown("input", name);
}

Result<LearnInputs> LearningFiles::take(const std::string& key) {
  const std::lock_guard lock(mutex_);
  auto found = inputs_.extract(key);
  if (found.empty()) return unknown("learning", key);
  return std::move(found.mapped().files);
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
  const auto& made = found->second;
  const auto* const file = name == "model.json"                                       ? &made.model_json
                           : name == "head.onnx"                                      ? &made.head_onnx
                           : name == "predictions.json"                               ? &made.predictions_json
                           : name == "appraisal.json" && !made.appraisal_json.empty() ? &made.appraisal_json
                                                                                      : nullptr;
  if (file == nullptr || offset > file->size()) return unknown("output", name);
  return file->substr(offset, piece_bytes_max);
}

void LearningFiles::remove(const std::string& key) {
  const std::lock_guard lock(mutex_);
  needs_.erase(key);
  inputs_.erase(key);
  outputs_.erase(key);
}

}  // namespace sluice::host
