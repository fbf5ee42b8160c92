#pragma once
#include "sluice/ir/plan.hpp"
#include "sluice/ir/problems.hpp"

namespace sluice::ir {

/// Reports the constructs of the language that this version does not execute: they are refused, never
/// ignored.
void refuse_unsupported(const Plan& plan, Problems& problems);

}  // namespace sluice::ir
