#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "sluice/base/words.hpp"
#include "sluice/syntax/location.hpp"

namespace sluice::ir {

/// Collects what is wrong with a plan, and spends no more on suggestions than a person could want.
class Problems {
 public:
  void add(syntax::Location at, std::string message) { found_.push_back({at, std::move(message)}); }

  /// Whether a suggestion is still to be made; false once there were many.
  [[nodiscard]] bool suggests() const { return suggestions_ < suggestions_max; }

  /// As `did_you_mean`, over anything with strings in it.
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

  static constexpr std::size_t considered_max = 2000;  ///< names that are looked at for one suggestion

  std::vector<syntax::Diagnostic> take() { return std::move(found_); }

 private:
  static constexpr std::size_t suggestions_max = 100;
  std::vector<syntax::Diagnostic> found_;
  std::size_t suggestions_ = 0;
};

}  // namespace sluice::ir
