#include "sluice/base/ip_address.hpp"

#include <algorithm>

#include <arpa/inet.h>

#include "sluice/base/numbers.hpp"

namespace sluice {
namespace {

constexpr std::array<std::uint8_t, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr int mapped_bits = 96;

IpAddress v4_at(const IpAddress& address, std::size_t offset) {
  IpAddress out;
  std::ranges::copy(mapped, out.bytes.begin());
  std::copy_n(address.bytes.begin() + static_cast<std::ptrdiff_t>(offset), 4, out.bytes.begin() + 12);
  return out;
}

struct Special {
  std::string_view range;
  std::string_view use;
};

constexpr std::array v4_ranges{
    Special{"0.0.0.0/8", "unspecified"},        Special{"10.0.0.0/8", "private"},
    Special{"100.64.0.0/10", "shared"},         Special{"127.0.0.0/8", "loopback"},
    Special{"169.254.0.0/16", "link-local"},    Special{"172.16.0.0/12", "private"},
    Special{"192.0.0.0/24", "reserved"},        Special{"192.0.2.0/24", "documentation"},
    Special{"192.88.99.0/24", "reserved"},      Special{"192.168.0.0/16", "private"},
    Special{"198.18.0.0/15", "benchmarking"},   Special{"198.51.100.0/24", "documentation"},
    Special{"203.0.113.0/24", "documentation"}, Special{"224.0.0.0/4", "multicast"},
    Special{"240.0.0.0/4", "reserved"},
};

/// Outside of 2000::/3 nothing is a host of the public Internet: these have names that tell more.
constexpr std::array v6_ranges{
    Special{"::/128", "unspecified"},          Special{"::1/128", "loopback"},
    Special{"fe80::/10", "link-local"},        Special{"fc00::/7", "private"},
    Special{"ff00::/8", "multicast"},          Special{"2001::/23", "reserved"},
    Special{"2001:db8::/32", "documentation"}, Special{"3fff::/20", "documentation"},
};

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  const std::string copy(text);
  if (copy.find('\0') != std::string::npos) return std::nullopt;  // inet_pton would end there
  IpAddress out;
  std::array<std::uint8_t, 4> four{};
  if (inet_pton(AF_INET, copy.c_str(), four.data()) == 1) {
    std::ranges::copy(mapped, out.bytes.begin());
    std::ranges::copy(four, out.bytes.begin() + 12);
    return out;
  }
  if (inet_pton(AF_INET6, copy.c_str(), out.bytes.data()) == 1) return out;
  return std::nullopt;
}

bool IpAddress::is_v4() const { return std::equal(mapped.begin(), mapped.end(), bytes.begin()); }

std::string IpAddress::text() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (is_v4())
    inet_ntop(AF_INET, bytes.data() + 12, text.data(), text.size());
  else
    inet_ntop(AF_INET6, bytes.data(), text.data(), text.size());
  return text.data();
}

std::optional<IpRange> IpRange::parse(std::string_view text) {
  const auto slash = std::min(text.find('/'), text.size());
  const auto first = IpAddress::parse(text.substr(0, slash));
  if (!first) return std::nullopt;
  IpRange range{.first = *first};
  if (slash == text.size()) return range;
  const bool v4 = text.find(':') == std::string_view::npos;
  const auto bits = parse_integer<int>(text.substr(slash + 1));
  if (!bits || *bits < 0 || *bits > (v4 ? 32 : 128)) return std::nullopt;
  range.bits = v4 ? mapped_bits + *bits : *bits;
  return range;
}

bool IpRange::contains(const IpAddress& address) const {
  for (int bit = 0; bit < bits; bit += 8) {
    const auto i = static_cast<std::size_t>(bit / 8);
    const auto mask = static_cast<std::uint8_t>(bits - bit >= 8 ? 0xff : 0xff << (8 - (bits - bit)));
    if ((address.bytes[i] & mask) != (first.bytes[i] & mask)) return false;
  }
  return true;
}

IpAddress reached_by(const IpAddress& address) {
  static const auto nat64 = *IpRange::parse("64:ff9b::/96");
  static const auto local_nat64 = *IpRange::parse("64:ff9b:1::/48");
  static const auto six_to_four = *IpRange::parse("2002::/16");
  static const auto compatible = *IpRange::parse("::/96");
  static const auto one = *IpAddress::parse("::1");
  if (address.is_v4()) return address;
  if (nat64.contains(address) || local_nat64.contains(address)) return v4_at(address, 12);
  if (six_to_four.contains(address)) return v4_at(address, 2);
  if (compatible.contains(address) && address != IpAddress{} && address != one) return v4_at(address, 12);
  return address;
}

std::string_view special_use(const IpAddress& address) {
  static const auto local_nat64 = *IpRange::parse("64:ff9b:1::/48");
  static const auto global = *IpRange::parse("2000::/3");
  if (local_nat64.contains(address)) return "private";  // the translator is of this site, whatever is behind
  const auto reached = reached_by(address);
  const auto found = [&](const auto& ranges) -> std::string_view {
    for (const auto& special : ranges)
      if (IpRange::parse(special.range)->contains(reached)) return special.use;
    return {};
  };
  if (reached.is_v4()) return found(v4_ranges);
  if (const auto use = found(v6_ranges); !use.empty()) return use;
  return global.contains(reached) ? "" : "reserved";
}

}  // namespace sluice
