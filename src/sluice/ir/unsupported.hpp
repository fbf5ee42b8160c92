#pragma once
#include "sluice/ir/plan.hpp"
#include "sluice/ir/problems.hpp"

namespace sluice::ir {

/// Reports what the language can say and this version does not carry out: refused, never ignored.
void refuse_unsupported(const Plan& plan, Problems& problems);

}  // namespace sluice::ir
