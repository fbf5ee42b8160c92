#pragma once
// Times and durations as protobuf's JSON has them.
#include <cstdint>
#include <string>
#include <string_view>

#include "sluice/base/result.hpp"

namespace sluice::tracking {

/// "2026-11-29T08:25:41.851Z", as milliseconds; `name` is for the message.
Result<std::int64_t> timestamp_of(const std::string& text, std::string_view name);
/// "0.201s", as milliseconds.
Result<std::int64_t> duration_of(const std::string& text, std::string_view name);

}  // namespace sluice::tracking
