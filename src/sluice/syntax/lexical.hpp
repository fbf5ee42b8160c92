#pragma once
#include <string_view>

namespace sluice::syntax {

// The lexical rules that the parser and the printer of expressions share. Private to this module.

constexpr bool is_name_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_name_part(char c) { return is_name_start(c) || is_digit(c); }

/// Whether a name can be written without backticks.
constexpr bool is_identifier(std::string_view name) {
  if (name.empty() || !is_name_start(name.front())) return false;
  for (const char c : name)
    if (!is_name_part(c)) return false;
  return true;
}

/// Words that name an operation only in backticks.
constexpr bool is_reserved_word(std::string_view name) {
  return name == "and" || name == "or" || name == "not" || name == "in" || name == "true" ||
         name == "false" || name == "null";
}

}  // namespace sluice::syntax
