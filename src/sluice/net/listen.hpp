#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "sluice/base/result.hpp"

namespace sluice::net {

/// The address that a server listens on.
struct ListenAddress {
  std::string host = "127.0.0.1";  ///< an IP address in its shortest form, IPv6 without brackets
  std::uint16_t port = 8080;       ///< 0: the system picks one
  bool loopback = true;            ///< reachable from this machine only
};

/// Parses "127.0.0.1:8080", "[::1]:0", "localhost:80". Other names are refused: the address that they resolve
/// to may differ.
Result<ListenAddress> parse_listen(std::string_view text);

/// "127.0.0.1:8080", "[::1]:8080".
std::string print(const ListenAddress& address);

/// Listening beyond loopback requires a token, since anyone who reaches the port can run programs here, and
/// that nobody can read the token on its way, unless the operator says that it may be `plain`.
struct Exposure {
  bool has_token = false;
  bool has_tls = false;
  bool allow_plain = false;
};
Result<void> check_exposure(const ListenAddress& address, const Exposure& exposure);

/// An address of this machine that others reach it at, where it listens on all of them ("0.0.0.0", "::");
/// `host` if it is another; "": it has none.
std::string own_address(const std::string& host);

/// The shortest form of an IP address ("::ffff:10.0.0.1" is "10.0.0.1"), or "" if it is not one.
std::string canonical_ip(std::string_view text);

}  // namespace sluice::net
