#pragma once
#include <string_view>

#include "sluice/api/openinference/infer_request.hpp"
#include "sluice/base/value.hpp"

namespace sluice::api {

/// Reads the protocol's JSON object. `tail`: the bytes that follow it, which its binary tensors must use up.
Result<InferRequest> read_infer_json(const Value& json, std::string_view tail);

/// All outputs, for a request that names none.
std::vector<RequestedOutput> all_outputs(bool binary);

}  // namespace sluice::api
