#pragma once
#include <string>
#include <string_view>

#include "sluice/ir/frontend.hpp"

namespace sluice::ir {

/// Parses the canonical text of a plan (`sluice: 1`, YAML or JSON) that a user wrote. Reports every problem
/// of form; names and types are checked by `verify`. Messages begin with `file`.
Result<Frontend::Lowered> parse_plan(std::string_view text, const std::string& file);

}  // namespace sluice::ir
