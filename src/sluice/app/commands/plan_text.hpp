#pragma once
#include <string>

#include "sluice/domain/packages/package.hpp"

namespace sluice::app {

/// The text of a plan that the user named: of a file, of the pipeline in a package of kfp, or of what the kfp
/// of `python3` in the user's PATH makes of a Python file, in which `function` is the pipeline ("": the only
/// one). On return, `function` is empty if it was used so.
Result<packages::Text> read_plan_text(const std::string& file, std::string& function);

}  // namespace sluice::app
