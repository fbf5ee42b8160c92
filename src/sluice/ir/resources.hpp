#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sluice/base/value.hpp"

namespace sluice::ir {

/// What a task occupies while it runs (docs/plans.md, Resources and pools).
struct Resources {
  std::int64_t cpu = 0;     ///< thousandths of a processor
  std::int64_t memory = 0;  ///< bytes; 0: no limit, and none is reserved
  std::int64_t gpu = 0;     ///< whole devices
  bool operator==(const Resources&) const = default;
};

/// Assigns the resource `name`; returns what is wrong with the name or the value, nullopt if nothing is.
std::optional<std::string> assign_resource(Resources& to, std::string_view name, const Value& value);

}  // namespace sluice::ir
