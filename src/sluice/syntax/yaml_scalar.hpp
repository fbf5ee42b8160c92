#pragma once
#include <expected>
#include <string>
#include <string_view>

#include "sluice/base/value.hpp"

namespace sluice::syntax {

/// The value of a plain (unquoted) scalar by YAML 1.2's core schema. As in JSON, an integer beyond 64 bits is
/// a double. The error is a message: NaN, infinities and numbers outside a double's range are not valid.
std::expected<Value, std::string> resolve_plain(std::string_view text);

/// Whether a plain scalar means exactly this value, its own, to every reader: not so for a number with more
/// digits than the value can hold, or one that others read in another base (`0x10`, `010`).
bool is_exact(std::string_view plain, const Value& value);

}  // namespace sluice::syntax
