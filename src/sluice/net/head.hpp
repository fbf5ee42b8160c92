#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "sluice/base/clock.hpp"
#include "sluice/ports/http.hpp"

namespace sluice::net {

/// The lines before an answer's bytes. Header values lose their control characters: no handler can start
/// another header. `length`: of the body; not written where the status has none.
std::string response_head(const ports::Response& response, std::uint64_t length, bool keep_alive, Time now);

/// 204, 304 and the like have no body.
bool has_body(int status);

/// "Tue, 24 Nov 2026 08:48:56 GMT"
std::string http_date(Time time);

}  // namespace sluice::net
