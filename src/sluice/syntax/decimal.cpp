#include "sluice/syntax/decimal.hpp"

#include <algorithm>
#include <string>

#include "sluice/base/json.hpp"
#include "sluice/base/numbers.hpp"

namespace sluice::syntax {
namespace {

/// The number 0.DIGITS times ten to the power of `exponent`; of zero, no digits.
struct Decimal {
  std::string digits;  ///< without zeros at either end
  std::int64_t exponent = 0;
  bool operator==(const Decimal&) const = default;
};

Decimal decimal_of(std::string_view text) {
  const auto e = std::min(text.find_first_of("eE"), text.size());
  const auto mantissa = text.substr(0, e);
  auto exponent = text.substr(std::min(e + 1, text.size()));
  if (exponent.starts_with('+')) exponent.remove_prefix(1);
  const auto point = std::min(mantissa.find('.'), mantissa.size());
  Decimal out{.digits = std::string(mantissa.substr(0, point)), .exponent = static_cast<std::int64_t>(point)};
  out.digits += mantissa.substr(std::min(point + 1, mantissa.size()));
  const auto zeros = std::min(out.digits.find_first_not_of('0'), out.digits.size());
  out.digits.erase(0, zeros);
  out.digits.resize(out.digits.find_last_not_of('0') + 1);
  if (out.digits.empty()) return {};
  // The value is finite, so the exponent is small.
  out.exponent += parse_integer<std::int64_t>(exponent).value_or(0) - static_cast<std::int64_t>(zeros);
  return out;
}

}  // namespace

bool is_exact_decimal(std::string_view decimal, const Value& value) {
  const auto kept = to_json(value);
  const std::string_view magnitude = kept;
  return decimal_of(decimal) == decimal_of(magnitude.substr(magnitude.starts_with('-') ? 1 : 0));
}

}  // namespace sluice::syntax
