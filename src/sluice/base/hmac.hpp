#pragma once
#include <string_view>

#include "sluice/base/digest.hpp"

namespace sluice {

/// HMAC-SHA-256 (RFC 2104).
Digest hmac(std::string_view key, std::string_view text);

}  // namespace sluice
