#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/base/clock.hpp"
#include "sluice/base/ip_address.hpp"
#include "sluice/base/result.hpp"
#include "sluice/ports/http.hpp"

namespace sluice::net {

/// A request to send.
struct ClientRequest {
  std::string method = "GET";
  std::string target;  ///< "/v2/models/stamps?x=1", percent-encoded
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};
  std::filesystem::path body_file = {};  ///< if not empty, the body is this file, streamed
  std::filesystem::path save_to =
      {};  ///< if not empty, the body of a 2xx response is written to this new file
  /// If set, the body of a 2xx response is passed to it as it arrives, and not kept. Returning false ends the
  /// request.
  std::function<bool(std::string_view)> on_bytes = {};
  /// If set, is called before `on_bytes` with the response as far as it is known: without its body.
  std::function<void(const ports::Response&)> on_head = {};
  bool may_be_silent = false;  ///< no timeout for such a body; the operating system detects a dead server
};

/// An HTTP client, over TLS if the URL says https: then the server's certificate must be valid for the URL's
/// host. One connection, kept open between requests. Blocks; used by one thread at a time.
class HttpClient {
 public:
  struct Options {
    std::string url;  ///< "http://127.0.0.1:8080", "https://sluice.example"
    std::optional<std::string> token;
    /// With https: the authorities that may vouch for the server, a PEM file; "": those that the system
    /// trusts.
    std::filesystem::path ca;
    std::filesystem::path socket;  ///< not empty: the server's Unix socket, instead of the address of `url`
    Milliseconds connect_timeout = std::chrono::seconds(5);
    Milliseconds answer_timeout = std::chrono::minutes(10);  ///< without any progress
    std::uint64_t body_max = std::uint64_t{256} << 20;       ///< of a response that is kept in memory
    /// Set: this is a host of somebody else. Messages are about that host, and name neither a target nor what
    /// to do with a server of Sluice; a body that is kept is cut at `body_max`.
    struct Elsewhere {
      /// Is passed all addresses of the host, before it connects to one of them; an error ends the request.
      std::function<Result<void>(const std::vector<IpAddress>&)> check_addresses;
      Milliseconds time_max;  ///< of a request, from looking up the host to the end of the body
      std::stop_token stop;   ///< ends a request: Code::cancelled
    };
    std::optional<Elsewhere> elsewhere;
  };

  /// Does not connect yet. Code::invalid_argument for an invalid URL, and for a `ca` that cannot be used.
  static Result<HttpClient> make(Options options);
  HttpClient(HttpClient&&) noexcept;
  HttpClient& operator=(HttpClient&&) noexcept;
  ~HttpClient();

  /// A response with any status is a success; an Error means that there was no response. Header names of the
  /// response are in lower case. A GET or HEAD is retried once if a kept connection turns out to be dead.
  Result<ports::Response> request(const ClientRequest& request);

 private:
  struct Impl;
  explicit HttpClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::net
