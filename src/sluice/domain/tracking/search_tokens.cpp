#include "sluice/domain/tracking/search_tokens.hpp"

#include <algorithm>
#include <array>

namespace sluice::tracking {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Bytes of a character outside ASCII belong to a word: keys may be in any language.
bool is_in_word(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

/// The bytes of white space at the start of the text. No-break spaces come with text that was copied.
std::size_t space_at(std::string_view text) {
  if (text.empty()) return 0;
  const auto c = static_cast<unsigned char>(text.front());
  if (c == ' ' || (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x1f)) return 1;
  constexpr std::array<std::string_view, 9> spaces{"\u0085", "\u00a0", "\u1680", "\u2028", "\u2029",
                                                   "\u202f", "\u205f", "\u3000", "\ufeff"};
  for (const auto space : spaces)
    if (text.starts_with(space)) return space.size();
  if (text.starts_with("\xe2\x80") && text.size() > 2 && text[2] >= '\x80' && text[2] <= '\x8a') return 3;
  return 0;
}

std::size_t digits_at(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::find_if_not(text, is_digit) - text.begin());
}

/// The bytes of a number at the start of the text, 0 if there is none. "1e+5" is one, as Python writes it.
std::size_t number_at(std::string_view text) {
  std::size_t at = text.starts_with('-') ? 1 : 0;
  const auto whole = digits_at(text.substr(at));
  at += whole;
  if (at < text.size() && text[at] == '.') {
    const auto fraction = digits_at(text.substr(at + 1));
    if (whole + fraction == 0) return 0;
    at += 1 + fraction;
  } else if (whole == 0) {
    return 0;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    auto exponent = at + 1;
    if (exponent < text.size() && (text[exponent] == '-' || text[exponent] == '+')) ++exponent;
    const auto digits = digits_at(text.substr(exponent));
    if (digits == 0) return 0;
    at = exponent + digits;
  }
  return at < text.size() && is_in_word(text[at]) && space_at(text.substr(at)) == 0 ? 0 : at;
}

/// The bytes of a quoted part at the start of the text, 0 if it has no end. Two quotes or an escaped quote do
/// not end it, unless there is no other end: 'C:\' is one.
std::size_t quoted_at(std::string_view text) {
  const auto quote = text.front();
  std::size_t escaped = 0;
  for (std::size_t at = 1; at < text.size(); ++at) {
    if (text[at] == '\\' && quote != '`' && at + 1 < text.size() && text[at + 1] == quote) {
      escaped = ++at;
    } else if (text[at] == quote) {
      if (at + 1 == text.size() || text[at + 1] != quote) return at + 1;
      escaped = at++;
    }
  }
  return escaped == 0 ? 0 : escaped + 1;
}

std::size_t word_at(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size() && (is_in_word(text[at]) || (at > 0 && (text[at] == '$' || text[at] == '#')))) {
    if (static_cast<unsigned char>(text[at]) >= 0x80 && space_at(text.substr(at)) > 0) break;
    ++at;
  }
  return at;
}

/// The bytes of a name at the start of the text. A name in single quotes is one only behind a dot.
std::size_t name_at(std::string_view text, bool is_behind_dot) {
  if (text.empty()) return 0;
  if (text.front() == '`' || text.front() == '"' || (is_behind_dot && text.front() == '\''))
    return quoted_at(text);
  return word_at(text);
}

std::size_t identifier_at(std::string_view text) {
  auto at = name_at(text, false);
  while (at > 0 && at < text.size() && text[at] == '.') {
    const auto next = name_at(text.substr(at + 1), true);
    if (next == 0) break;
    at += 1 + next;
  }
  return at;
}

SearchToken token_at(std::string_view text) {
  using Kind = SearchToken::Kind;
  if (const auto size = number_at(text)) return {Kind::number, text.substr(0, size)};
  if (const auto size = identifier_at(text)) {
    const bool is_alone = text.front() == '"' && quoted_at(text) == size;
    return {is_alone ? Kind::double_quoted : Kind::identifier, text.substr(0, size)};
  }
  if (text.front() == '\'')
    if (const auto size = quoted_at(text)) return {Kind::single_quoted, text.substr(0, size)};
  constexpr std::string_view comparators = "<>=~!";
  if (comparators.contains(text.front()))
    return {Kind::comparator, text.substr(0, text.find_first_not_of(comparators))};
  const auto first = text.substr(0, 1);
  if (first == "(") return {Kind::open, first};
  if (first == ")") return {Kind::close, first};
  if (first == ",") return {Kind::comma, first};
  return {Kind::other, first};
}

char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

}  // namespace

bool SearchToken::is_word(std::string_view word) const {
  return kind == Kind::identifier && std::ranges::equal(text, word, {}, upper);
}

std::vector<SearchToken> search_tokens(std::string_view text) {
  std::vector<SearchToken> tokens;
  while (!text.empty()) {
    if (const auto space = space_at(text)) {
      text.remove_prefix(space);
      continue;
    }
    tokens.push_back(token_at(text));
    text.remove_prefix(tokens.back().text.size());
  }
  return tokens;
}

}  // namespace sluice::tracking
