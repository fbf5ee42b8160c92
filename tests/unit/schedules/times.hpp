#pragma once
#include <string_view>

#include "sluice/base/clock.hpp"
#include "sluice/base/result.hpp"

namespace sluice::test {

/// "2026-12-01T07:30:00Z"
inline Time at(std::string_view text) {
  const auto time = parse_iso8601(text);
  SLUICE_CHECK(time);
  return *time;
}

}  // namespace sluice::test
