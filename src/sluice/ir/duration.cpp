#include "sluice/ir/duration.hpp"

#include <array>
#include <cmath>

#include "sluice/base/numbers.hpp"

namespace sluice::ir {
namespace {

constexpr std::int64_t longest = std::int64_t{100} * 366 * 24 * 3600 * 1000;

struct Unit {
  std::string_view name;
  std::int64_t milliseconds;
};
constexpr std::array units{Unit{"d", 86'400'000}, Unit{"h", 3'600'000}, Unit{"m", 60'000}, Unit{"s", 1'000},
                           Unit{"ms", 1}};

}  // namespace

std::optional<Milliseconds> parse_duration(std::string_view text) {
  if (text.empty()) return std::nullopt;
  std::int64_t total = 0;
  while (!text.empty()) {
    const auto amount = take_integer<std::int64_t>(text);
    if (!amount || *amount < 0 || *amount > longest) return std::nullopt;
    const auto unit_text = text.substr(0, text.find_first_of("0123456789"));
    const Unit* unit = nullptr;
    for (const auto& candidate : units)
      if (candidate.name == unit_text) unit = &candidate;
    if (!unit || *amount > longest / unit->milliseconds) return std::nullopt;
    total += *amount * unit->milliseconds;
    if (total > longest) return std::nullopt;
    text.remove_prefix(unit_text.size());
  }
  return Milliseconds(total);
}

std::string print_duration(Milliseconds duration) {
  auto left = duration.count();
  if (left == 0) return "0s";
  std::string out;
  for (const auto& unit : units) {
    if (const auto amount = left / unit.milliseconds; amount > 0)
      out += std::to_string(amount) + std::string(unit.name);
    left %= unit.milliseconds;
  }
  return out;
}

std::optional<Milliseconds> duration_of(const Value& value) {
  if (const auto* text = value.if_string()) return parse_duration(*text);
  const auto seconds = value.as_double();
  if (!seconds || !std::isfinite(*seconds) || *seconds < 0 || *seconds * 1000 > static_cast<double>(longest))
    return std::nullopt;
  return Milliseconds(static_cast<std::int64_t>(*seconds * 1000));
}

}  // namespace sluice::ir
