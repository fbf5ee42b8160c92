#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice {

/// An address of the Internet Protocol. Version 4 is held as the last four bytes of its mapped form
/// (::ffff:a.b.c.d), so that both spellings are one address.
struct IpAddress {
  std::array<std::uint8_t, 16> bytes{};

  /// "192.0.2.1", "2001:db8::1"; nullopt for anything else, also for "127.1" and an address with a zone.
  static std::optional<IpAddress> parse(std::string_view text);
  [[nodiscard]] bool is_v4() const;
  [[nodiscard]] std::string text() const;
  bool operator==(const IpAddress&) const = default;
};

/// All addresses that begin with the same bits.
struct IpRange {
  IpAddress first;
  int bits = 128;  ///< of the mapped form: 96 more than written for version 4

  /// "10.0.0.0/8", "fd00::/8", or one address; nullopt for anything else.
  static std::optional<IpRange> parse(std::string_view text);
  [[nodiscard]] bool contains(const IpAddress& address) const;
};

/// The address that a packet reaches in the end: the one of version 4 inside an address of a translator
/// (NAT64, RFC 6052 and RFC 8215), of 6to4 (RFC 3056) or of the deprecated compatible form; else the same.
IpAddress reached_by(const IpAddress& address);

/// Why the address is not a host of the public Internet: "loopback", "private", "link-local", … by the
/// registries of special-purpose addresses of IANA (RFC 6890); "": it is one. Looks at what is `reached_by`
/// it.
std::string_view special_use(const IpAddress& address);

}  // namespace sluice
