#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sluice/domain/remote/aws_signature.hpp"
#include "sluice/domain/remote/remote_url.hpp"

namespace sluice::remote {

/// How a bucket is reached.
struct S3Access {
  std::optional<AwsKeys> keys = {};  ///< none: requests are not signed, which is enough for public objects
  std::string region = "us-east-1";
  std::optional<RemoteUrl> endpoint = {};  ///< none: of AWS
};

/// Whether this is a name of a region, and so can be a part of a host's name.
bool is_region(std::string_view text);

/// The URL of an object over HTTP. At an endpoint of one's own the bucket is the first segment of the path;
/// at AWS it is a part of the host's name, where a certificate permits that.
RemoteUrl s3_url(const RemoteUrl& object, const S3Access& access);

/// The headers of a GET of that URL, signed if there are keys; `Host` is not among them.
std::vector<std::pair<std::string, std::string>> s3_headers(const RemoteUrl& url, const S3Access& access,
                                                            Time at);

/// The value of the header `Host` for this URL: what is signed is what is sent.
std::string host_header(const RemoteUrl& url);

/// What is in the element `Code` of an error of S3, "NoSuchKey"; "" if there is none.
std::string s3_error_code(std::string_view body);

}  // namespace sluice::remote
