#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "sluice/ir/plan.hpp"

namespace sluice::ir {

/// Turns the text of one dialect into a plan. Stateless; any thread. What the dialect runs first is the
/// plan's only pipeline, or is called `main`.
class Frontend {
 public:
  virtual ~Frontend() = default;
  [[nodiscard]] virtual std::string_view name() const = 0;
  /// Whether this text is of the dialect, from a short look.
  [[nodiscard]] virtual bool recognises(std::string_view text, const std::string& file) const = 0;
  struct Lowered {
    Plan plan;
    std::vector<syntax::Diagnostic>
        problems;  ///< not empty: the plan may be incomplete, but can be verified for more problems
  };
  /// Fails only where nothing can be read at all (the text is no YAML).
  [[nodiscard]] virtual Result<Lowered> lower(std::string_view text, const std::string& file) const = 0;
};

}  // namespace sluice::ir
