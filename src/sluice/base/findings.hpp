#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "sluice/base/result.hpp"

namespace sluice {

/// What was found wrong: the first hundred findings are kept, the others are counted.
class Findings {
 public:
  static constexpr std::size_t kept_max = 100;

  void add(std::string finding);
  /// Counts further ones that are not given.
  void add_more(std::size_t count) { count_ += count; }

  [[nodiscard]] bool empty() const { return count_ == 0; }
  /// The last one is "and N more" if not all are kept.
  [[nodiscard]] std::vector<std::string> list() &&;
  /// All as one user error: the first is its message, the others its notes. At least one must have been
  /// added.
  [[nodiscard]] Error error(Code code) &&;

 private:
  std::size_t count_ = 0;
  std::vector<std::string> kept_;
};

}  // namespace sluice
