#pragma once
#include <array>
#include <span>
#include <string_view>

#include "sluice/base/value.hpp"
#include "sluice/host/media/picture.hpp"

namespace sluice::host::media {

/// How a picture becomes a model's input, as `preprocessing.json` in the base model's repository describes
/// it. The same code serves training and inference; new kinds of descriptions get a new `version`.
class Preprocessing {
 public:
  /// Reads the JSON object. `name` (a file's) prefixes error messages. Refuses what this version does not
  /// support; messages name what it supports.
  static Result<Preprocessing> from_value(const Value& description, std::string_view name);

  /// `from_value` of the result returns an equal object.
  [[nodiscard]] Value to_value() const;
  /// Pictures become `size` x `size`.
  [[nodiscard]] int size() const { return size_; }
  /// The number of values that a picture becomes: channels x rows x columns.
  [[nodiscard]] std::size_t elements() const {
    return std::size_t{3} * static_cast<std::size_t>(size_) * static_cast<std::size_t>(size_);
  }
  /// `out` must have `elements()` elements. Thread-safe.
  void apply(const Picture& picture, std::span<float> out) const;

  bool operator==(const Preprocessing&) const = default;

 private:
  int size_ = 224;
  std::array<double, 3> mean_{};
  std::array<double, 3> scale_{1, 1, 1};
};

}  // namespace sluice::host::media
