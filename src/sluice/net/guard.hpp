#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/base/result.hpp"

namespace sluice::net {

/// Checks Host, Origin and token: refuses web pages of other origins and clients without the token. A page in
/// a user's browser can send requests to 127.0.0.1, also under a domain name that resolves to 127.0.0.1 (DNS
/// rebinding): both show in Host or Origin. Immutable, and therefore thread-safe.
class Guard {
 public:
  struct Options {
    std::string url;  ///< the server's own URL, for messages
    std::vector<std::string>
        allowed_hosts;  ///< names besides localhost and the addresses that reach the server
    std::optional<std::string> token;
  };
  explicit Guard(Options options);

  /// `host` is the header ("name", "name:port", "[::1]:port"); `local_ip` the address at which this
  /// connection arrived.
  [[nodiscard]] Result<void> check_host(std::string_view host, std::string_view local_ip) const;
  /// `origin` is the header, "" if there is none.
  [[nodiscard]] Result<void> check_origin(std::string_view origin, std::string_view local_ip) const;
  /// `authorization` is the header. Takes the same time for every wrong token of the same length.
  [[nodiscard]] Result<void> check_token(std::string_view authorization) const;

 private:
  [[nodiscard]] bool is_own_host(std::string_view host, std::string_view local_ip) const;
  Options options_;
};

}  // namespace sluice::net
