#pragma once
#include <cstddef>
#include <string_view>
#include <vector>

#include "sluice/base/result.hpp"

namespace sluice {

/// A regular expression that is looked for in time proportional to the text, whatever it says: none of
/// what needs more (backreferences, looking ahead or behind) is accepted. Immutable, and therefore
/// thread-safe.
///
/// As Python writes them: `.`, `[a-z]`, `\d \w \s \b` and their opposites, `^ $ \A \Z`, groups, `|`,
/// `* + ? {2,3}` (also lazy ones), and the flags `(?i)`, `(?s)`, `(?m)` in front. Letters of any case are
/// those of ASCII.
class Pattern {
 public:
  static constexpr std::size_t bytes_max = 1'000;
  static constexpr std::size_t steps_max = 500;  ///< of the pattern, with its repetitions written out

  /// Code::invalid_argument for what is not accepted; the message says where it is.
  static Result<Pattern> compile(std::string_view pattern);
  /// Whether a part of the text fits. A text in UTF-8.
  [[nodiscard]] bool is_in(std::string_view text) const;

  struct Range {
    char32_t first;
    char32_t last;
  };
  struct Step {
    enum class Kind { set, fork, jump, begin, end, line_begin, line_end, boundary, no_boundary, found } kind;
    std::vector<Range> ranges = {};  ///< of a set
    bool negated = false;
    std::size_t next = 0;   ///< of a fork or a jump
    std::size_t other = 0;  ///< of a fork
  };

 private:
  explicit Pattern(std::vector<Step> steps, bool ignores_case)
      : steps_(std::move(steps)), ignores_case_(ignores_case) {}

  std::vector<Step> steps_;
  bool ignores_case_;
};

}  // namespace sluice
