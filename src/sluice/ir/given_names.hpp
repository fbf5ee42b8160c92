#pragma once
#include <optional>
#include <string>
#include <vector>

#include "sluice/ir/known_calls.hpp"

namespace sluice::ir {

/// "input `endpoint` of service `endpoint.deploy`: …" if the value is not a valid name for this input of the
/// service; nullopt: it is, or the input is no name.
std::optional<std::string> name_problem(const Signature& service, const Parameter& input, const Value& value);

/// The problems of the names that services will get from a run's inputs, where they are known before the run:
/// also in called pipelines and in arms that may not be taken.
std::vector<syntax::Diagnostic> check_given_names(const std::vector<KnownCall>& calls);

}  // namespace sluice::ir
