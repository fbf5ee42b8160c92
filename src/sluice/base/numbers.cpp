#include "sluice/base/numbers.hpp"

#include <charconv>
#include <cmath>
#include <system_error>

namespace sluice {
namespace {

template <typename T>
std::optional<T> take(std::string_view& text, int base) {
  T number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

}  // namespace

std::optional<std::int64_t> numbers::take_signed(std::string_view& text, int base) {
  return take<std::int64_t>(text, base);
}

std::optional<std::uint64_t> numbers::take_unsigned(std::string_view& text, int base) {
  return take<std::uint64_t>(text, base);
}

std::optional<double> parse_number(std::string_view text) {
  double number = 0;
  const auto* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  // from_chars also reads "inf" and "nan".
  if (error != std::errc{} || stop != end || !std::isfinite(number)) return std::nullopt;
  return number;
}

}  // namespace sluice
