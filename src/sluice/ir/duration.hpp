#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "sluice/base/clock.hpp"
#include "sluice/base/value.hpp"

namespace sluice::ir {

/// "2s", "500ms", "10m", "1h30m", "2d" → milliseconds; nullopt for anything else, and for more than a hundred
/// years.
std::optional<Milliseconds> parse_duration(std::string_view text);
/// The inverse, in the largest units that fit: 5400000 → "1h30m".
std::string print_duration(Milliseconds duration);
/// The value of a `timeout`: a string as above, or a number of seconds.
std::optional<Milliseconds> duration_of(const Value& value);

}  // namespace sluice::ir
