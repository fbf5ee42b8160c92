#pragma once
#include <string>

#include "sluice/api/openinference/infer_request.hpp"
#include "sluice/domain/serving/serving.hpp"
#include "sluice/ports/http.hpp"

namespace sluice::api {

/// Builds the response to `request`. Unless it requests `error_output`, fails with the first picture that
/// could not be read; the message gives its index. With it, the other outputs of such a picture are "", 0 and
/// false.
Result<ports::Response> write_infer_response(const InferRequest& request, const std::string& endpoint,
                                             const serving::PredictResult& result);

}  // namespace sluice::api
