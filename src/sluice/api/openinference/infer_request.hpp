#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/base/result.hpp"

namespace sluice::api {

/// The outputs of every endpoint, in the order in which they are sent unless the client requests another.
const std::vector<std::string>& output_names();

/// An output that the client requests.
struct RequestedOutput {
  std::string name;
  bool binary = false;  ///< sent after the JSON instead of in it
};

/// A parsed inference request.
struct InferRequest {
  std::optional<std::string> id;         ///< echoed in the response
  std::vector<std::string> pictures;     ///< encoded files
  std::vector<RequestedOutput> outputs;  ///< never empty
};

/// Parses the body of `POST …/infer`. `json_length` is the header Inference-Header-Content-Length, "" if it
/// is absent: then the whole body is JSON. Errors state the place in the request and what is expected.
Result<InferRequest> read_infer_request(std::string_view body, std::string_view json_length);

}  // namespace sluice::api
