#include "sluice/syntax/yaml_scalar.hpp"

#include <cmath>

#include "sluice/base/numbers.hpp"
#include "sluice/syntax/decimal.hpp"

namespace sluice::syntax {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool all_digits(std::string_view text) {
  for (const char c : text)
    if (!is_digit(c)) return false;
  return !text.empty();
}

/// [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?
bool is_float(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  std::size_t i = 0;
  const auto digits = [&] {
    const auto from = i;
    while (i < text.size() && is_digit(text[i])) ++i;
    return i - from;
  };
  const auto whole = digits();
  if (i < text.size() && text[i] == '.') {
    ++i;
    if (digits() + whole == 0) return false;
  } else if (whole == 0) {
    return false;
  }
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    if (i < text.size() && (text[i] == '-' || text[i] == '+')) ++i;
    if (digits() == 0) return false;
  }
  return i == text.size();
}

std::optional<Value> in_base(std::string_view digits, int base) {
  const auto value = parse_integer<std::int64_t>(digits, base);
  return value && !digits.starts_with('-') ? std::optional(Value(*value)) : std::nullopt;
}

}  // namespace

std::expected<Value, std::string> resolve_plain(std::string_view text) {
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") return Value();
  if (text == "true" || text == "True" || text == "TRUE") return Value(true);
  if (text == "false" || text == "False" || text == "FALSE") return Value(false);
  if (text.starts_with("0x"))
    if (auto value = in_base(text.substr(2), 16)) return *value;
  if (text.starts_with("0o"))
    if (auto value = in_base(text.substr(2), 8)) return *value;
  auto bare = text;
  const bool negative = bare.starts_with('-');
  if (negative || bare.starts_with('+')) bare.remove_prefix(1);
  if (bare == ".inf" || bare == ".Inf" || bare == ".INF" || text == ".nan" || text == ".NaN" ||
      text == ".NAN")
    return std::unexpected("`" + std::string(text) + "` is not a valid value; quote it if it is a string");
  if (!is_float(text)) return Value(text);
  const auto number = text.starts_with('+') ? bare : text;
  if (all_digits(bare))
    if (const auto value = parse_integer<std::int64_t>(number)) return Value(*value);
  const auto value = parse_number(number);
  if (!value) return std::unexpected("the number `" + std::string(text.substr(0, 40)) + "` is out of range");
  return Value(*value);
}

bool is_exact(std::string_view plain, const Value& value) {
  if (!value.as_double()) return true;
  if (plain.starts_with('-') || plain.starts_with('+')) plain.remove_prefix(1);
  const bool other_base =
      plain.size() > 1 && plain.front() == '0' && (is_digit(plain[1]) || plain[1] == 'x' || plain[1] == 'o');
  return !other_base && is_exact_decimal(plain, value);
}

}  // namespace sluice::syntax
