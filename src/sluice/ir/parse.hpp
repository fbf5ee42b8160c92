#pragma once
#include <string>
#include <string_view>

#include "sluice/ir/frontend.hpp"

namespace sluice::ir {

/// Reads the canonical text of a plan (`sluice: 1`, YAML or JSON) as somebody wrote it. Reports every problem
/// of form; whether names and types fit is `verify`'s to say. `file` leads the messages.
Result<Frontend::Lowered> parse_plan(std::string_view text, const std::string& file);

}  // namespace sluice::ir
