#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/base/result.hpp"

namespace sluice::api {

/// The outputs of every endpoint, in the order in which they are sent unless the client requests others.
const std::vector<std::string>& output_names();

/// An output that is sent only if it is requested: why a picture has no prediction, "" if it has one. Without
/// it, a picture that cannot be read fails the request.
inline constexpr std::string_view error_output = "error";

/// An output that the client requests.
struct RequestedOutput {
  std::string name;     ///< one of `output_names`, or `error_output`
  bool binary = false;  ///< sent after the JSON instead of in it
};

/// A parsed inference request.
struct InferRequest {
  std::optional<std::string> id;         ///< echoed in the response
  std::vector<std::string> pictures;     ///< encoded files
  std::vector<RequestedOutput> outputs;  ///< never empty
};

/// The body of `POST …/infer`, and the headers that say what it is; "" for one that is absent.
struct InferBody {
  std::string_view bytes;
  std::string_view json_length = {};   ///< Inference-Header-Content-Length
  std::string_view content_type = {};  ///< Content-Type
};

/// Parses the body: JSON, JSON and binary tensors, one picture, or a form with files. Errors state the place
/// in the request and what is expected.
Result<InferRequest> read_infer_request(const InferBody& body);

}  // namespace sluice::api
