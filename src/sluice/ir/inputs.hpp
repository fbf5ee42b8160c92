#pragma once
#include <optional>
#include <string>

#include "sluice/ir/plan.hpp"

namespace sluice::ir {

/// The reason why a value does not have the type, or nullopt if it does. With `path_for_artifact`, a string
/// may stand for an artifact: the path of the file or folder, which is stored before the run starts.
std::optional<std::string> type_mismatch(const Value& value, const Type& type, bool path_for_artifact);

}  // namespace sluice::ir
