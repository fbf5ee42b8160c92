#pragma once
#include <string>
#include <string_view>

#include "sluice/ir/frontend.hpp"
#include "sluice/ir/parse.hpp"

namespace sluice::test {

/// For tests that submit text but are not about any dialect: takes every text as canonical.
class CanonicalFrontend final : public ir::Frontend {
 public:
  [[nodiscard]] std::string_view name() const override { return "canonical"; }
  [[nodiscard]] bool recognizes(std::string_view, const std::string&) const override { return true; }
  [[nodiscard]] Result<Lowered> lower(std::string_view text, const std::string& file,
                                      const ir::LoweringOptions&) const override {
    return ir::parse_plan(text, file);
  }
};

}  // namespace sluice::test
