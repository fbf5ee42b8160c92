#pragma once
#include "sluice/ir/frontend.hpp"

namespace sluice::frontends {

/// The canonical YAML (or JSON) text of a plan: `sluice: 1`. Stateless; any thread.
/// `lower` reports every problem of form it meets; whether names and types fit is `ir::verify`'s matter.
class NativeFrontend : public ir::Frontend {
 public:
  [[nodiscard]] std::string_view name() const override;
  [[nodiscard]] bool recognises(std::string_view text, const std::string& file) const override;
  [[nodiscard]] Result<Lowered> lower(std::string_view text, const std::string& file) const override;
};

}  // namespace sluice::frontends
