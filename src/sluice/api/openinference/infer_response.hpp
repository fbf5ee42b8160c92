#pragma once
#include <string>

#include "sluice/api/openinference/infer_request.hpp"
#include "sluice/domain/serving/serving.hpp"
#include "sluice/ports/http.hpp"

namespace sluice::api {

/// The answer to `request`. Fails where a picture could not be read: the first of them, by its place.
Result<ports::Response> write_infer_response(const InferRequest& request, const std::string& endpoint,
                                             const serving::PredictResult& answered);

}  // namespace sluice::api
