#pragma once
#include <string>
#include <utility>
#include <vector>

#include "sluice/base/clock.hpp"

namespace sluice::remote {

struct AwsKeys {
  std::string id;
  std::string secret;
  std::string session_token = {};  ///< "": the keys are permanent
};

/// A request as it is signed.
struct AwsRequest {
  std::string method = "GET";
  std::string path;        ///< percent-encoded; begins with `/`
  std::string query = {};  ///< percent-encoded and sorted, without `?`
  /// Names in lower case, sorted; `host`, `x-amz-date`, and all others that are sent and begin with `x-amz-`.
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body_sha256;  ///< in hexadecimal
};

/// The header `Authorization` of a request to a service of AWS, or one that speaks like it: Signature Version
/// 4, as "AWS Identity and Access Management User Guide: Create a signed AWS API request" defines it
/// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html). Paths are
/// encoded once, which is right for S3.
std::string aws_authorization(const AwsRequest& request, const AwsKeys& keys, const std::string& region,
                              const std::string& service, Time at);

/// "20261124T084856Z", as the header `x-amz-date` has it.
std::string aws_date(Time at);

}  // namespace sluice::remote
