#pragma once
#include <string_view>

#include "sluice/base/value.hpp"

namespace sluice::syntax {

/// Whether an unsigned decimal number ("3.10", "1e3") is, but for its form, the shortest text of this value,
/// so that no digit of it is lost. The sign of the value is ignored. Private to this module.
bool is_exact_decimal(std::string_view decimal, const Value& value);

}  // namespace sluice::syntax
