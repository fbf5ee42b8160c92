#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "sluice/base/words.hpp"
#include "sluice/syntax/location.hpp"

namespace sluice::ir {

/// Collects the problems of a plan, and bounds the work that is spent on suggestions.
class Problems {
 public:
  void add(syntax::Location at, std::string message) { found_.push_back({at, std::move(message)}); }

  /// Whether more suggestions are made; false after `suggestions_max`.
  [[nodiscard]] bool suggests() const { return suggestions_ < suggestions_max; }

  /// Like `did_you_mean`, for any range of strings.
  template <typename Names>
  std::string suggest(std::string_view word, const Names& names) {
    if (!suggests()) return "";
    ++suggestions_;
    std::vector<std::string> candidates;
    for (const auto& name : names) {
      if (candidates.size() == considered_max) break;
      candidates.emplace_back(name);
    }
    return did_you_mean(word, candidates);
  }

  static constexpr std::size_t considered_max =
      2000;  ///< at most so many names are compared for one suggestion

  std::vector<syntax::Diagnostic> take() { return std::move(found_); }

 private:
  static constexpr std::size_t suggestions_max = 100;
  std::vector<syntax::Diagnostic> found_;
  std::size_t suggestions_ = 0;
};

}  // namespace sluice::ir
