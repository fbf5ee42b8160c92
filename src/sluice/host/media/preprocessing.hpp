#pragma once
#include <array>
#include <span>
#include <string_view>

#include "sluice/base/value.hpp"
#include "sluice/host/media/picture.hpp"

namespace sluice::host::media {

/// How a picture becomes a model's input: the text `preprocessing.json` in the base model's repository. The
/// same code for training and for serving; what a description may say grows only with `version`.
class Preprocessing {
 public:
  /// Reads the JSON object. `name` (a file's) leads messages. Refuses whatever this version does not know,
  /// naming what it does.
  static Result<Preprocessing> from_value(const Value& description, std::string_view name);

  /// `from_value` of it answers the same.
  [[nodiscard]] Value to_value() const;
  /// Pictures become `size` x `size`.
  [[nodiscard]] int size() const { return size_; }
  /// Numbers a picture becomes: channels, rows, columns.
  [[nodiscard]] std::size_t elements() const {
    return std::size_t{3} * static_cast<std::size_t>(size_) * static_cast<std::size_t>(size_);
  }
  /// `out` has `elements()` places. Thread-safe.
  void apply(const Picture& picture, std::span<float> out) const;

  bool operator==(const Preprocessing&) const = default;

 private:
  int size_ = 224;
  std::array<double, 3> mean_{};
  std::array<double, 3> scale_{1, 1, 1};
};

}  // namespace sluice::host::media
