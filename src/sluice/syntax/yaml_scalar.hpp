#pragma once
#include <expected>
#include <string>
#include <string_view>

#include "sluice/base/value.hpp"

namespace sluice::syntax {

/// The value of a plain (unquoted) scalar by YAML 1.2's core schema. As in JSON, an integer beyond 64 bits is
/// a double. The error is a message: NaN, infinities and numbers outside a double's range are not valid.
std::expected<Value, std::string> resolve_plain(std::string_view text);

}  // namespace sluice::syntax
