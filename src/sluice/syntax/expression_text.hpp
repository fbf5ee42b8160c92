#pragma once
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "sluice/base/value.hpp"
#include "sluice/syntax/location.hpp"

namespace sluice::syntax {

/// The scanner of an expression's text: characters, words and literals, and the current location. Private to
/// this module: the grammar is in expression_parse.cpp.
class ExpressionText {
 public:
  ExpressionText(std::string_view source, Location at) : source_(source), here_(at) {}

 protected:
  /// '\0' after the end.
  [[nodiscard]] char peek(std::size_t ahead = 0) const;
  [[nodiscard]] Location here() const { return here_; }
  [[nodiscard]] bool at_start() const { return position_ == 0; }
  [[nodiscard]] bool at_end() const { return position_ >= source_.size(); }
  [[nodiscard]] bool looking_at(std::string_view what) const {
    return source_.substr(position_).starts_with(what);
  }
  [[nodiscard]] std::string_view rest() const { return source_.substr(position_); }
  [[nodiscard]] std::string_view word_ahead() const;
  void advance(std::size_t bytes);
  void skip_space();
  /// Skips white space, and consumes `what` if it follows.
  bool take(std::string_view what);
  bool take_word(std::string_view word);

  /// An integer or number, including its minus sign.
  std::expected<Value, Diagnostic> number();
  /// The text between this quote and the next, escapes resolved.
  std::expected<std::string, Diagnostic> quoted(char quote);

  /// The next word or character, for a message.
  [[nodiscard]] std::string shown() const;
  [[nodiscard]] std::unexpected<Diagnostic> problem(std::string message) const {
    return problem_at(here_, std::move(message));
  }
  [[nodiscard]] static std::unexpected<Diagnostic> problem_at(Location at, std::string message) {
    return std::unexpected(Diagnostic{at, std::move(message)});
  }

 private:
  std::optional<char32_t> escaped_point();

  std::string_view source_;
  std::size_t position_ = 0;
  Location here_;
};

}  // namespace sluice::syntax
