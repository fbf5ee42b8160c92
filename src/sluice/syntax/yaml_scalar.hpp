#pragma once
#include <expected>
#include <string>
#include <string_view>

#include "sluice/base/value.hpp"

namespace sluice::syntax {

/// What a plain (unquoted) scalar means by YAML 1.2's core schema. As in JSON, an integer beyond 64 bits is a
/// double. The error is a message: NaN, infinities and what is out of a double's range are no values.
std::expected<Value, std::string> resolve_plain(std::string_view text);

}  // namespace sluice::syntax
