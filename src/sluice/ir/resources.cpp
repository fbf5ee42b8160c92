#include "sluice/ir/resources.hpp"

#include <cmath>

#include "sluice/base/words.hpp"

namespace sluice::ir {
namespace {

constexpr double cpu_max = 1e6;
constexpr std::int64_t gpu_max = 1'000'000;

std::optional<std::uint64_t> bytes_in(const Value& value) {
  if (const auto* text = value.if_string()) return bytes_of(*text);
  const auto* bytes = value.if_integer();
  return bytes && *bytes >= 0 ? std::optional(static_cast<std::uint64_t>(*bytes)) : std::nullopt;
}

}  // namespace

std::optional<std::string> assign_resource(Resources& to, std::string_view name, const Value& value) {
  if (name == "cpu") {
    const auto amount = value.as_double();
    if (!amount || !(*amount >= 0 && *amount <= cpu_max))
      return "`cpu` should be a number of processors, such as 2 or 0.5";
    to.cpu = static_cast<std::int64_t>(std::ceil(*amount * 1000));
    return std::nullopt;
  }
  if (name == "memory") {
    const auto bytes = bytes_in(value);
    if (!bytes) return "`memory` should be a size, such as 4GiB, or a number of bytes";
    to.memory = static_cast<std::int64_t>(*bytes);
    return std::nullopt;
  }
  if (name == "gpu") {
    const auto* count = value.if_integer();
    if (!count || *count < 0 || *count > gpu_max) return "`gpu` should be a whole number of devices";
    to.gpu = *count;
    return std::nullopt;
  }
  return "unknown resource `" + std::string(name) + "`" + did_you_mean(name, {"cpu", "memory", "gpu"}) +
         "; a task has cpu, memory and gpu";
}

}  // namespace sluice::ir
