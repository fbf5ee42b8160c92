#pragma once
#include <memory>
#include <string_view>

#include "sluice/base/result.hpp"

namespace re2 {
class RE2;
}

namespace sluice {

/// A regular expression in the syntax of RE2, which is looked for in time proportional to the text, whatever
/// it says: none of what needs more (backreferences, looking ahead or behind) is accepted. Immutable, and
/// therefore thread-safe; copies share what was compiled.
class Pattern {
 public:
  static constexpr std::size_t bytes_max = 1'000;
  static constexpr int steps_max = 2'000;  ///< of the compiled pattern, with its repetitions written out

  /// Code::invalid_argument for what is not accepted; the message says what of it.
  static Result<Pattern> compile(std::string_view pattern);
  /// Whether a part of the text fits. A text in UTF-8.
  [[nodiscard]] bool is_in(std::string_view text) const;

 private:
  explicit Pattern(std::shared_ptr<const re2::RE2> compiled) : compiled_(std::move(compiled)) {}
  std::shared_ptr<const re2::RE2> compiled_;
};

}  // namespace sluice
