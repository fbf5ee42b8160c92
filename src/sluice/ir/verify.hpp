#pragma once
#include <vector>

#include "sluice/ir/plan.hpp"
#include "sluice/ir/signature.hpp"

namespace sluice::ir {

/// Returns every problem of the plan, in the order of the text: unknown references, tasks, inputs, outputs,
/// pipelines, services and functions, type mismatches, cycles in a graph, pipelines that call themselves,
/// keys used twice. Empty: the plan is well formed. Bounded in time and memory by the plan's size.
std::vector<syntax::Diagnostic> verify(const Plan& plan, const Signatures& services);

/// Checks given inputs against the pipeline's declaration and fills in the defaults. `$NAME: …` messages name
/// the input. Strings from a command line are converted to the declared type where `from_text` is set.
Result<Struct> bind_inputs(const Pipeline& pipeline, const Struct& given, bool from_text);

}  // namespace sluice::ir
