#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "sluice/ir/plan.hpp"

namespace sluice::ir {

/// What a person says about a text besides it.
struct LoweringOptions {
  /// Images whose tasks run in a Python environment of the server's machine, besides those that the dialect
  /// knows: `*` stands for any characters.
  std::vector<std::string> python_images;
  bool only_containers = false;  ///< a task with an image runs in it, whatever it is
};

/// Translates the text of one dialect into a plan. Stateless; any thread. The entry point of the dialect
/// becomes the plan's only pipeline, or is called `main`.
class Frontend {
 public:
  virtual ~Frontend() = default;
  [[nodiscard]] virtual std::string_view name() const = 0;
  /// Whether this text is in the dialect, decided from its keys; it may be malformed.
  [[nodiscard]] virtual bool recognizes(std::string_view text, const std::string& file) const = 0;
  struct Lowered {
    Plan plan;
    std::vector<syntax::Diagnostic>
        problems;  ///< if not empty, the plan may be incomplete, but can be verified for more problems
    std::vector<syntax::Diagnostic> warnings =
        {};  ///< what the text asks for and is not done, though the plan gives what it should
  };
  /// Fails only if nothing can be read at all (the text is not YAML).
  [[nodiscard]] virtual Result<Lowered> lower(std::string_view text, const std::string& file,
                                              const LoweringOptions& options) const = 0;
};

}  // namespace sluice::ir
