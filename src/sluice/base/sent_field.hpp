#pragma once
#include <string_view>

#include "sluice/base/value.hpp"

namespace sluice {

/// A field of a JSON object that a client sent. A field that is `null` counts as absent: clients write it for
/// what they do not set.
inline const Value* sent_field(const Value& object, std::string_view key) {
  const auto* field = object.find(key);
  return field && !field->is_null() ? field : nullptr;
}

}  // namespace sluice
