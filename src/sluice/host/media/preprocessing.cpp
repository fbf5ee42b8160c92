#include "sluice/host/media/preprocessing.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "sluice/base/json.hpp"
#include "sluice/base/words.hpp"
#include "sluice/host/media/resize.hpp"

namespace sluice::host::media {
namespace {

constexpr std::int64_t version = 1;
constexpr std::int64_t size_min = 8;
constexpr std::int64_t size_max = 1024;

/// Fields that have only one valid value in version 1.
constexpr std::array<std::pair<std::string_view, std::string_view>, 5> fixed = {
    {{"channels", "rgb"},
     {"alpha", "white"},
     {"pad", "square-white"},
     {"resize", "bicubic-antialias"},
     {"layout", "nchw"}}};

Result<std::array<double, 3>> three_numbers(const Value& description, std::string_view key,
                                            std::string_view name) {
  const auto* field = description.find(key);
  const auto* list = field != nullptr ? field->if_list() : nullptr;
  std::array<double, 3> out{};
  bool valid = list != nullptr && list->size() == out.size();
  for (std::size_t i = 0; valid && i < out.size(); ++i) {
    const auto number = (*list)[i].as_double();
    valid = number && std::isfinite(*number);
    if (valid) out[i] = *number;
  }
  if (!valid)
    return Fail(
        invalid_argument(name, fmt::format("`{}` must be a list of 3 numbers, one per channel", key)));
  return out;
}

}  // namespace

Result<Preprocessing> Preprocessing::from_value(const Value& description, std::string_view name) {
  const auto* fields = description.if_struct();
  if (fields == nullptr)
    return Fail(
        invalid_argument(name, fmt::format("must be an object, not {}", kind_name(description.kind()))));
  if (const auto* given = description.find("version"); given == nullptr || *given != Value(version))
    return Fail(invalid_argument(
        name, fmt::format("`version` is {}, but this program supports {}; a newer Sluice may support it",
                          given != nullptr ? to_json(*given) : "missing", version)));
  std::vector<std::string> known = {"version", "size", "mean", "scale"};
  for (const auto& [key, value] : fixed) known.emplace_back(key);
  for (const auto& [key, value] : *fields)
    if (std::ranges::find(known, key) == known.end())
      return Fail(invalid_argument(name, fmt::format("unknown field `{}`{}", key, did_you_mean(key, known))));
  for (const auto& [key, value] : fixed) {
    const auto* given = description.find(key);
    if (given == nullptr || *given != Value(value))
      return Fail(invalid_argument(
          name, fmt::format("`{}` is {}, but version {} supports only \"{}\"", key,
                            given != nullptr ? to_json(*given) : "missing", version, value)));
  }
  Preprocessing out;
  const auto size = description.integer_at("size", 0);
  if (size < size_min || size > size_max)
    return Fail(invalid_argument(
        name, fmt::format("`size` must be a whole number from {} to {}", size_min, size_max)));
  out.size_ = static_cast<int>(size);
  SLUICE_TRY(mean, three_numbers(description, "mean", name));
  SLUICE_TRY(scale, three_numbers(description, "scale", name));
  for (const double s : scale)
    if (std::abs(s) < 1e-6)
      return Fail(invalid_argument(name, "`scale` is a divisor, so none of its numbers may be zero"));
  out.mean_ = mean;
  out.scale_ = scale;
  return out;
}

Value Preprocessing::to_value() const {
  const auto list = [](const std::array<double, 3>& numbers) {
    List out;
    for (const double n : numbers) {
      if (n == std::floor(n) && std::abs(n) < 1e15)
        out.emplace_back(static_cast<std::int64_t>(n));
      else
        out.emplace_back(n);
    }
    return out;
  };
  Struct out;
  out.set("version", version);
  out.set("size", size_);
  out.set("channels", "rgb");
  out.set("alpha", "white");
  out.set("pad", "square-white");
  out.set("resize", "bicubic-antialias");
  out.set("mean", list(mean_));
  out.set("scale", list(scale_));
  out.set("layout", "nchw");
  return out;
}

void Preprocessing::apply(const Picture& picture, std::span<float> out) const {
  SLUICE_CHECK(out.size() == elements());
  const auto rgb = on_white_square(picture, size_);
  const auto plane = out.size() / 3;
  for (std::size_t c = 0; c < 3; ++c) {
    const auto mean = static_cast<float>(mean_[c]);
    const auto scale = static_cast<float>(scale_[c]);
    float* to = &out[c * plane];
    for (std::size_t i = 0; i < plane; ++i) to[i] = (static_cast<float>(rgb[3 * i + c]) - mean) / scale;
  }
}

}  // namespace sluice::host::media
