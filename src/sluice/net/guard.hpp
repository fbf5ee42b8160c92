#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "sluice/base/result.hpp"
#include "sluice/ports/access.hpp"

namespace sluice::net {

/// Checks who sends a request: refuses web pages of other origins, and other people without the token. A page
/// in a user's browser can send requests to 127.0.0.1, also one of another port there, and also under a
/// domain name that resolves to 127.0.0.1 (DNS rebinding): the headers Host, Origin and Sec-Fetch-Site show
/// it. Immutable, and therefore thread-safe.
class Guard {
 public:
  struct Options {
    std::string url;  ///< the server's own URL, for messages
    std::vector<std::string>
        allowed_hosts;  ///< names besides localhost and the addresses that reach the server
    const ports::Callers* callers = nullptr;  ///< others than the owner; null: there are none
  };
  explicit Guard(Options options);

  /// `host` is the header ("name", "name:port", "[::1]:port"); `local_ip` the address at which this
  /// connection arrived.
  [[nodiscard]] Result<void> check_host(std::string_view host, std::string_view local_ip) const;
  /// What a browser says of the page that a request comes from; "" for a header that is absent. Other clients
  /// send neither.
  struct Page {
    std::string_view origin;      ///< Origin: the page's scheme, host and port
    std::string_view fetch_site;  ///< Sec-Fetch-Site: how that relates to this server (W3C Fetch Metadata)
  };
  /// Refuses pages of other origins; a link to what only shows something may be anywhere. `host` is the
  /// header that `check_host` accepted. `changes`: the request may change something.
  [[nodiscard]] Result<void> check_page(std::string_view host, const Page& page, bool changes) const;
  /// Who sends a request with this header `Authorization`. Whoever sends a token that is somebody's is that
  /// caller, the owner too, who may try one; to the owner any other is as none.
  [[nodiscard]] Result<ports::Caller> caller_of(std::string_view authorization, bool is_owner) const;

 private:
  [[nodiscard]] bool is_own_host(std::string_view host, std::string_view local_ip) const;
  Options options_;
};

}  // namespace sluice::net
