#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sluice/base/clock.hpp"
#include "sluice/ports/http.hpp"

namespace sluice::net {

/// How the end of a body is announced to the client.
struct BodyEnd {
  std::optional<std::uint64_t> length;  ///< absent: not known in advance
  bool chunked = false;  ///< if there is no length: chunked encoding, else the body ends with the connection
};

/// The status line and headers of a response. Control characters are removed from header values: no handler
/// can inject another header. `end` is not written if the status has no body. Bytes that people made are
/// never a page of the server's origin: browsers are told to take the content type as it is, and, unless the
/// response has a policy of its own, to run nothing of it and to give it no origin.
std::string response_head(const ports::Response& response, const BodyEnd& end, bool keep_alive, Time now);

/// 204, 304 and the like have no body.
bool has_body(int status);

/// "Tue, 24 Nov 2026 08:48:56 GMT"
std::string http_date(Time time);

}  // namespace sluice::net
