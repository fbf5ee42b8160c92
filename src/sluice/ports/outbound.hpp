#pragma once
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/base/clock.hpp"
#include "sluice/base/ip_address.hpp"
#include "sluice/base/result.hpp"
#include "sluice/ports/http.hpp"

namespace sluice::ports {

/// Sends requests to hosts elsewhere. Decides nothing: whom a request may reach is in `domain/remote`.
/// Thread-safe.
class Outbound {
 public:
  virtual ~Outbound() = default;
  struct Request {
    std::string method = "GET";
    bool tls = true;
    std::string host;  ///< a name, or an address without brackets
    std::uint16_t port = 443;
    std::string target = "/";  ///< percent-encoded; never in a message, since its query may be a secret
    std::vector<std::pair<std::string, std::string>> headers = {};
    std::string body = {};
    /// Is passed all addresses of the host, which is looked up once; an error ends the request before it
    /// connects to one of them, and to no other.
    std::function<Result<void>(const std::vector<IpAddress>&)> check_addresses;
    /// Is passed the body of a 2xx response as it arrives; false ends the request. Null: it is kept.
    std::function<bool(const Response& head, std::string_view bytes)> on_bytes = {};
    Milliseconds time_max = std::chrono::seconds(30);
    Milliseconds silence_max = std::chrono::seconds(30);  ///< without a byte
    std::stop_token stop = {};
  };
  /// A response of any status is a success; names of its headers are in lower case. Follows no redirect, and
  /// decodes nothing. A body that is kept has at most 64 KiB. Code::unavailable, Code::deadline_exceeded or
  /// Code::cancelled if there was no response, or it was cut off.
  virtual Result<Response> request(const Request& request) = 0;
};

}  // namespace sluice::ports
