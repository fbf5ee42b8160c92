#pragma once
#include <vector>

#include "sluice/ir/plan.hpp"
#include "sluice/ir/signature.hpp"

namespace sluice::ir {

/// "input `endpoint` of service `endpoint.deploy`: …" if the value is not a valid name for this input of the
/// service; nullopt: it is, or the input is no name.
std::optional<std::string> name_problem(const Signature& service, const Parameter& input, const Value& value);

/// The problems of the names that services will get from a run's inputs, where they are known before the run:
/// also in called pipelines and in arms that may not be taken. `inputs`: of the pipeline, bound.
std::vector<syntax::Diagnostic> check_given_names(const Plan& plan, const Pipeline& pipeline,
                                                  const Struct& inputs, const Signatures& services);

}  // namespace sluice::ir
