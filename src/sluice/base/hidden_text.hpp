#pragma once
// Hides texts, such as secrets, in what is shown.
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// Shorter texts are not hidden: they would be found everywhere.
inline constexpr std::size_t hidden_bytes_min = 4;

/// Replaces texts by `***` in a text that arrives in pieces.
class HiddenText {
 public:
  /// Of two texts that begin at the same place, the longer one is replaced.
  explicit HiddenText(std::vector<std::string> hidden);
  /// What can be shown once `piece` is known: all but an end in which a hidden text may have begun.
  std::string add(std::string_view piece);
  /// The rest.
  std::string finish();

 private:
  std::string settle(bool is_end);

  std::vector<std::string> hidden_;  ///< the longest first
  std::array<bool, 256> begins_{};   ///< which bytes one begins with: almost none
  std::string kept_;
};

std::string hide(std::string_view text, const std::vector<std::string>& hidden);

}  // namespace sluice
