#pragma once
#include <expected>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::net {

using Headers = std::vector<std::pair<std::string, std::string>>;  ///< names in lower case

/// How a request's body is compressed (RFC 9110, 8.4.1).
enum class ContentCoding { identity, gzip, deflate };

/// A request that is refused for a coding: its status and the message for the client.
struct CodingRefusal {
  int status = 400;
  std::string message;
};

/// The content coding that the headers name. Others, and several at once, are refused with 415.
std::expected<ContentCoding, CodingRefusal> content_coding_of(const Headers& headers);

/// The codings that `content_coding_of` accepts, as a header Accept-Encoding lists them (RFC 7694).
inline constexpr const char* accepted_codings = "gzip, deflate";

/// Where the body ends is known only if `chunked` is its only transfer coding or there is none; otherwise the
/// connection cannot be reused (RFC 9112, 6.1 and 6.3). nullopt: it is known.
std::optional<CodingRefusal> refuse_transfer_coding(const Headers& headers);

}  // namespace sluice::net
