#pragma once
// Texts of plans as this API has them: JSON objects.
#include <string>

#include "sluice/base/result.hpp"
#include "sluice/base/value.hpp"

namespace sluice::api::kubeflow {

/// The text of a plan that a client sent as `pipeline_spec`: a specification, or an object of one and of what
/// it says about platforms.
std::string text_of_spec(const Value& spec);
/// The inverse.
Result<Value> spec_of_text(const std::string& text);

}  // namespace sluice::api::kubeflow
