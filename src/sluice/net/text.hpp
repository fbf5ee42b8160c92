#pragma once
#include <algorithm>
#include <string>
#include <string_view>

namespace sluice::net {

/// A-Z become a-z; all else stays: how header names and hosts are compared.
inline std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  return out;
}

}  // namespace sluice::net
