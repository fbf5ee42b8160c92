#pragma once
#include <concepts>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

namespace sluice {

/// Numbers in texts. Nothing here depends on the locale, and nothing throws. Not accepted: white space, a
/// leading `+`, a prefix such as `0x`, and a `-` where the type has no sign.

template <typename T>
concept Integer = std::integral<T> && !std::same_as<T, bool>;

namespace numbers {
std::optional<std::int64_t> take_signed(std::string_view& text, int base);
std::optional<std::uint64_t> take_unsigned(std::string_view& text, int base);
}  // namespace numbers

/// Removes the integer that `text` begins with, and returns it; what follows it stays. Returns nothing, and
/// leaves `text` alone, if it begins with none, or with one that T cannot hold. `base`: 2 to 36.
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

/// The integer that the whole of `text` is; nothing if it is none, or one that T cannot hold.
template <Integer T>
std::optional<T> parse_integer(std::string_view text, int base = 10) {
  const auto number = take_integer<T>(text, base);
  return text.empty() ? number : std::nullopt;
}

/// The decimal number that the whole of `text` is ("1", "-.5", "1.e3"), correctly rounded. Nothing if it is
/// none, or if no double but zero or an infinity is near to it.
std::optional<double> parse_number(std::string_view text);

}  // namespace sluice
