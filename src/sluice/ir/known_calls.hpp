#pragma once
#include <vector>

#include "sluice/ir/plan.hpp"
#include "sluice/ir/signature.hpp"

namespace sluice::ir {

/// A service call that a run may make, with what is known of its inputs before the run.
struct KnownCall {
  const ServiceCall* call;     ///< in the plan
  const Signature* signature;  ///< of its service
  Location at;
  /// Those that constants and inputs of the pipeline give, where they are of the declared type; never a
  /// default of the service.
  Struct inputs;
  /// The run makes this call unless it fails before, and fails if the call does: no condition, branch or
  /// trigger decides about it, and nothing tolerates its failure.
  bool certain;
};

/// The service calls of a pipeline and of those that it calls, in the order of the text; at most 1,000
/// pipelines deep or wide. `inputs`: of the pipeline, bound. The plan and the signatures must outlive the
/// result.
std::vector<KnownCall> known_calls(const Plan& plan, const Pipeline& pipeline, const Struct& inputs,
                                   const Signatures& services);

}  // namespace sluice::ir
