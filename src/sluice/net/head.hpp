#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sluice/base/clock.hpp"
#include "sluice/ports/http.hpp"

namespace sluice::net {

/// How a client finds the end of a body.
struct BodyEnd {
  std::optional<std::uint64_t> length;  ///< absent: not known before
  bool chunked = false;  ///< without a length: in chunks; else the body ends with the connection
};

/// The lines before an answer's bytes. Header values lose their control characters: no handler can start
/// another header. `end` is not written where the status has no body.
std::string response_head(const ports::Response& response, const BodyEnd& end, bool keep_alive, Time now);

/// 204, 304 and the like have no body.
bool has_body(int status);

/// "Tue, 24 Nov 2026 08:48:56 GMT"
std::string http_date(Time time);

}  // namespace sluice::net
