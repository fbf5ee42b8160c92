#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "sluice/base/result.hpp"

namespace sluice::net {

/// Where a server listens.
struct ListenAddress {
  std::string host = "127.0.0.1";  ///< an IP address in its shortest form, IPv6 without brackets
  std::uint16_t port = 8080;       ///< 0: the system picks one
  bool loopback = true;            ///< only this machine can reach it
};

/// Reads "127.0.0.1:8080", "[::1]:0", "localhost:80". Other names are refused: which address they mean
/// depends on who asks.
Result<ListenAddress> parse_listen(std::string_view text);

/// "127.0.0.1:8080", "[::1]:8080".
std::string print(const ListenAddress& address);

/// Listening beyond loopback needs a token: whoever reaches the port may run programs here.
Result<void> check_exposure(const ListenAddress& address, bool has_token);

/// The shortest form of an IP address ("::ffff:10.0.0.1" is "10.0.0.1"), or "" where it is none.
std::string canonical_ip(std::string_view text);

}  // namespace sluice::net
