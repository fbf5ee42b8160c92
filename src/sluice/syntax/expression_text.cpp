#include "sluice/syntax/expression_text.hpp"

#include "sluice/base/json.hpp"
#include "sluice/base/numbers.hpp"
#include "sluice/syntax/decimal.hpp"
#include "sluice/syntax/lexical.hpp"

namespace sluice::syntax {
namespace {

void append_utf8(char32_t point, std::string& out) {
  const auto put = [&](char32_t bits) { out.push_back(static_cast<char>(bits)); };
  if (point < 0x80) {
    put(point);
  } else if (point < 0x800) {
    put(0xc0 | point >> 6);
    put(0x80 | (point & 63));
  } else if (point < 0x10000) {
    put(0xe0 | point >> 12);
    put(0x80 | (point >> 6 & 63));
    put(0x80 | (point & 63));
  } else {
    put(0xf0 | point >> 18);
    put(0x80 | (point >> 12 & 63));
    put(0x80 | (point >> 6 & 63));
    put(0x80 | (point & 63));
  }
}

}  // namespace

char ExpressionText::peek(std::size_t ahead) const {
  return position_ + ahead < source_.size() ? source_[position_ + ahead] : '\0';
}

void ExpressionText::advance(std::size_t bytes) {
  for (; bytes > 0; --bytes, ++position_) {
    const char c = source_[position_];
    if (c == '\n') {
      ++here_.line;
      here_.column = 1;
    } else if ((static_cast<unsigned char>(c) & 0xc0) != 0x80) {
      ++here_.column;
    }
  }
}

void ExpressionText::skip_space() {
  while (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r') advance(1);
}

bool ExpressionText::take(std::string_view what) {
  skip_space();
  if (!looking_at(what)) return false;
  advance(what.size());
  return true;
}

std::string_view ExpressionText::word_ahead() const {
  if (!is_name_start(peek())) return {};
  std::size_t end = position_;
  while (end < source_.size() && is_name_part(source_[end])) ++end;
  return source_.substr(position_, end - position_);
}

bool ExpressionText::take_word(std::string_view word) {
  skip_space();
  if (word_ahead() != word) return false;
  advance(word.size());
  return true;
}

std::string ExpressionText::shown() const {
  if (position_ >= source_.size()) return "end";
  if (const auto word = word_ahead(); !word.empty()) return "`" + std::string(word.substr(0, 40)) + "`";
  std::size_t end = position_ + 1;
  while (end < source_.size() && (static_cast<unsigned char>(source_[end]) & 0xc0) == 0x80) ++end;
  return "`" + std::string(source_.substr(position_, end - position_)) + "`";
}

std::expected<Value, Diagnostic> ExpressionText::number() {
  const Location at = here_;
  std::size_t end = position_ + (peek() == '-' ? 1 : 0);
  const auto digits = [&] {
    while (end < source_.size() && is_digit(source_[end])) ++end;
  };
  digits();
  bool integral = true;
  if (end + 1 < source_.size() && source_[end] == '.' && is_digit(source_[end + 1])) {
    integral = false;
    ++end;
    digits();
  }
  if (end < source_.size() && (source_[end] == 'e' || source_[end] == 'E')) {
    const std::size_t sign =
        end + 1 < source_.size() && (source_[end + 1] == '+' || source_[end + 1] == '-') ? 1 : 0;
    if (end + 1 + sign < source_.size() && is_digit(source_[end + 1 + sign])) {
      integral = false;
      end += 1 + sign;
      digits();
    }
  }
  const auto text = source_.substr(position_, end - position_);
  const auto digits_of = text.substr(text.starts_with('-') ? 1 : 0);
  if (end < source_.size() && is_name_part(source_[end]))
    return problem("a name cannot begin with a digit; put it in backticks");
  const auto too_large = [&] {
    return problem_at(
        at, "the number " + std::string(text.substr(0, 40)) + " is out of range; integers have 64 bits");
  };
  std::optional<Value> value;
  if (integral) {
    if (const auto integer = parse_integer<std::int64_t>(text)) value = *integer;
  } else if (const auto number = parse_number(text)) {
    value = *number;
  }
  if (!value) return too_large();
  if (digits_of.size() > 1 && digits_of[0] == '0' && is_digit(digits_of[1]))
    return problem_at(at, "a number does not begin with 0; write " + to_json(*value));
  if (!is_exact_decimal(digits_of, *value))
    return problem_at(at, "the number " + std::string(text.substr(0, 40)) + " would be read as " +
                              to_json(*value) + "; write that");
  advance(text.size());
  return *value;
}

std::expected<std::string, Diagnostic> ExpressionText::quoted(char quote) {
  const Location start = here_;
  advance(1);
  std::string out;
  while (peek() != quote || position_ >= source_.size()) {
    if (position_ >= source_.size())
      return problem_at(start,
                        quote == '`' ? "the name in backticks is not closed" : "the string is not closed");
    if (peek() != '\\') {
      out.push_back(peek());
      advance(1);
      continue;
    }
    const Location at = here_;
    advance(1);
    const char c = peek();
    switch (c) {
      case 'n': out.push_back('\n'); break;
      case 'r': out.push_back('\r'); break;
      case 't': out.push_back('\t'); break;
      case '\\':
      case '/':
      case '\'':
      case '"':
      case '`': out.push_back(c); break;
      case 'u': {
        auto point = escaped_point();
        if (!point)
          return problem_at(at, "`\\u` takes four hexadecimal digits, and surrogates come in pairs");
        append_utf8(*point, out);
        continue;
      }
      default:
        return problem_at(at, "unknown escape; valid escapes are \\\\ \\' \\\" \\` \\/ \\n \\r \\t \\uXXXX");
    }
    advance(1);
  }
  advance(1);
  return out;
}

/// After the backslash: `uXXXX`, or two of them for a surrogate pair.
std::optional<char32_t> ExpressionText::escaped_point() {
  const auto unit = [&]() -> std::optional<char32_t> {
    if (peek() != 'u' || position_ + 5 > source_.size()) return std::nullopt;
    const auto value = parse_integer<std::uint32_t>(source_.substr(position_ + 1, 4), 16);
    if (value) advance(5);
    return value;
  };
  const auto first = unit();
  if (!first || (*first >= 0xdc00 && *first < 0xe000)) return std::nullopt;
  if (*first < 0xd800 || *first >= 0xe000) return first;
  if (peek() != '\\') return std::nullopt;
  advance(1);
  const auto second = unit();
  if (!second || *second < 0xdc00 || *second >= 0xe000) return std::nullopt;
  return 0x10000 + ((*first - 0xd800) << 10) + (*second - 0xdc00);
}

}  // namespace sluice::syntax
