#pragma once
#include <optional>
#include <string>

#include "sluice/ir/plan.hpp"

namespace sluice::ir {

/// Why a value is not of the type, or nullopt if it is. With `path_for_artifact`, a text may stand for an
/// artifact: the path of the file or folder, which is taken in before the run starts.
std::optional<std::string> misfit(const Value& value, const Type& type, bool path_for_artifact);

}  // namespace sluice::ir
