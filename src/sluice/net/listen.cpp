#include "sluice/net/listen.hpp"

#include <array>
#include <cstring>

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>

#include "sluice/base/numbers.hpp"

namespace sluice::net {
namespace {

bool is_loopback(const std::string& ip) {
  in_addr v4{};
  if (inet_pton(AF_INET, ip.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  return ip == "::1";
}

}  // namespace

std::string canonical_ip(std::string_view text) {
  const std::string ip(text);
  char out[INET6_ADDRSTRLEN] = {};
  in_addr v4{};
  if (inet_pton(AF_INET, ip.c_str(), &v4) == 1) {
    inet_ntop(AF_INET, &v4, out, sizeof out);
    return out;
  }
  in6_addr v6{};
  if (inet_pton(AF_INET6, ip.c_str(), &v6) != 1) return {};
  if (IN6_IS_ADDR_V4MAPPED(&v6)) {
    std::memcpy(&v4, &v6.s6_addr[12], 4);
    inet_ntop(AF_INET, &v4, out, sizeof out);
  } else {
    inet_ntop(AF_INET6, &v6, out, sizeof out);
  }
  return out;
}

std::string own_address(const std::string& host) {
  if (host != "0.0.0.0" && host != "::") return host;
  const int family = host == "::" ? AF_INET6 : AF_INET;
  ifaddrs* all = nullptr;
  if (getifaddrs(&all) != 0) return {};
  std::string found;
  for (const auto* one = all; one != nullptr && found.empty(); one = one->ifa_next) {
    if (one->ifa_addr == nullptr || one->ifa_addr->sa_family != family) continue;
    if ((one->ifa_flags & IFF_UP) == 0 || (one->ifa_flags & IFF_LOOPBACK) != 0) continue;
    const auto size = family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
    std::array<char, NI_MAXHOST> name{};
    if (getnameinfo(one->ifa_addr, size, name.data(), name.size(), nullptr, 0, NI_NUMERICHOST) != 0) continue;
    found = canonical_ip(name.data());  // not one that is of an interface alone, "fe80::1%eth0"
  }
  freeifaddrs(all);
  return found;
}

Result<ListenAddress> parse_listen(std::string_view text) {
  const auto invalid = [text] {
    return Fail(user_error(Code::invalid_argument,
                           "`" + std::string(text) +
                               "` is not an address to listen on; write it as 127.0.0.1:8080 or "
                               "[::1]:8080 (port 0 picks a free one)"));
  };
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return invalid();
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  ListenAddress address;
  const auto number = parse_integer<std::uint16_t>(port);
  if (!number) return invalid();
  address.port = *number;
  if (host == "localhost") host = "127.0.0.1";
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (bracketed != (host.find(':') != std::string_view::npos)) return invalid();
  address.host = canonical_ip(host);
  if (address.host.empty()) return invalid();
  address.loopback = is_loopback(address.host);
  return address;
}

std::string print(const ListenAddress& address) {
  const bool v6 = address.host.find(':') != std::string::npos;
  return (v6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

Result<void> check_exposure(const ListenAddress& address, const Exposure& exposure) {
  if (address.loopback) return {};
  if (!exposure.has_token)
    return Fail(user_error(
        Code::failed_precondition,
        "listening on " + print(address) +
            " exposes the server to other machines, and anyone who can connect could run programs here; make "
            "a token first, `sluice token add NAME --role run`, or listen on 127.0.0.1"));
  if (!exposure.has_tls && !exposure.allow_plain)
    return Fail(user_error(
        Code::failed_precondition,
        "listening on " + print(address) +
            " without TLS would send tokens and data in the clear; pass `--tls-cert FILE --tls-key FILE`, or "
            "`--insecure` if the network between is yours alone"));
  return {};
}

}  // namespace sluice::net
