#pragma once
#include <string_view>
#include <vector>

namespace sluice::tracking {

/// A word of a filter or of an order.
struct SearchToken {
  enum class Kind {
    identifier,     ///< words and quoted names with dots between: metrics.`a b`, AND, "a".b
    double_quoted,  ///< alone: an identifier or a text
    single_quoted,
    number,
    comparator,  ///< any of the characters `<>=~!`
    open,
    close,
    comma,
    other,
  };
  Kind kind;
  std::string_view text;  ///< as written

  /// Whether it is this word, in letters of any case. `word` is in upper case.
  [[nodiscard]] bool is_word(std::string_view word) const;
  [[nodiscard]] bool is_quoted() const { return kind == Kind::double_quoted || kind == Kind::single_quoted; }
  /// Without its quotes.
  [[nodiscard]] std::string_view unquoted() const { return text.substr(1, text.size() - 2); }
};

/// The words of a text in UTF-8, which has to outlive them.
std::vector<SearchToken> search_tokens(std::string_view text);

}  // namespace sluice::tracking
