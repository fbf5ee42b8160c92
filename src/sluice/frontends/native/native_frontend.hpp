#pragma once
#include "sluice/ir/frontend.hpp"

namespace sluice::frontends {

/// The front-end for the canonical YAML (or JSON) text of a plan: `sluice: 1`, which `ir::parse_plan` reads.
class NativeFrontend : public ir::Frontend {
 public:
  [[nodiscard]] std::string_view name() const override;
  [[nodiscard]] bool recognizes(std::string_view text, const std::string& file) const override;
  [[nodiscard]] Result<Lowered> lower(std::string_view text, const std::string& file,
                                      const ir::LoweringOptions& options) const override;
};

}  // namespace sluice::frontends
