#pragma once
#include <concepts>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

namespace sluice {

/// Parsing of numbers. Nothing here depends on the locale, and nothing throws. Not accepted: white space, a
/// leading `+`, a prefix such as `0x`, and a `-` for an unsigned type.

template <typename T>
concept Integer = std::integral<T> && !std::same_as<T, bool>;

namespace numbers {
std::optional<std::int64_t> take_signed(std::string_view& text, int base);
std::optional<std::uint64_t> take_unsigned(std::string_view& text, int base);
}  // namespace numbers

/// Parses the integer at the start of `text`, removes it from `text`, and returns it. Returns nothing, and
/// leaves `text` unchanged, if there is no integer, or one that T cannot hold. `base`: 2 to 36.
template <Integer T>
std::optional<T> take_integer(std::string_view& text, int base = 10) {
  auto rest = text;
  const auto number = [&] {
    if constexpr (std::signed_integral<T>)
      return numbers::take_signed(rest, base);
    else
      return numbers::take_unsigned(rest, base);
  }();
  if (!number || !std::in_range<T>(*number)) return std::nullopt;
  text = rest;
  return static_cast<T>(*number);
}

/// Parses the whole of `text` as an integer. Returns nothing if it is not one, or one that T cannot hold.
template <Integer T>
std::optional<T> parse_integer(std::string_view text, int base = 10) {
  const auto number = take_integer<T>(text, base);
  return text.empty() ? number : std::nullopt;
}

/// Parses the whole of `text` as a decimal number ("1", "-.5", "1.e3"), correctly rounded. Returns nothing if
/// it is not one, or if it overflows or underflows a double.
std::optional<double> parse_number(std::string_view text);

}  // namespace sluice
