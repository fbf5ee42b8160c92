#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/base/result.hpp"

namespace sluice::api {

/// The outputs of every endpoint, in the order in which they are sent unless the client asks otherwise.
const std::vector<std::string>& output_names();

struct RequestedOutput {
  std::string name;
  bool binary = false;  ///< after the JSON, instead of in it
};

/// What an inference request asks for.
struct InferRequest {
  std::optional<std::string> id;         ///< echoed
  std::vector<std::string> pictures;     ///< encoded files
  std::vector<RequestedOutput> outputs;  ///< never empty
};

/// Reads the body of `POST …/infer`. `json_length` is the header Inference-Header-Content-Length, "" where
/// there is none: then the whole body is JSON. Errors say where in the request, and how it should be.
Result<InferRequest> read_infer_request(std::string_view body, std::string_view json_length);

}  // namespace sluice::api
