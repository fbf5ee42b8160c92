#pragma once
// The names that an expression inside a region can refer to. Private to the engine.
#include "sluice/engine/state.hpp"

namespace sluice::engine {

Value failure_value(const Failure& failure);
Failure failure_of(const syntax::Raised& raised, std::string source);

/// Resolves a name in the region, then outwards up to the pipeline's boundary. `extra` takes precedence:
/// `self`, `error`, `upstream`.
class RegionScope final : public syntax::Scope {
 public:
  explicit RegionScope(const RegionState& region, std::vector<std::pair<std::string_view, Value>> extra = {})
      : region_(region), extra_(std::move(extra)) {}

  [[nodiscard]] syntax::Evaluated lookup(std::string_view name) const override;
  [[nodiscard]] syntax::Evaluated status_of(std::string_view operation) const override;
  [[nodiscard]] syntax::Evaluated error_of(std::string_view operation) const override;
  [[nodiscard]] bool holds_outputs(std::string_view name) const override;

  /// The operation of that name which is visible here; null if the name refers to something else.
  [[nodiscard]] const OperationState* operation(std::string_view name) const;

 private:
  const RegionState& region_;
  std::vector<std::pair<std::string_view, Value>> extra_;
};

}  // namespace sluice::engine
