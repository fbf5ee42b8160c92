#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "sluice/ir/dependencies.hpp"

namespace sluice::runs {

/// Explains why operations were skipped or blocked, from the plan and how their upstream ended: the journal
/// does not say it. Private to this module.
class Reasons {
 public:
  /// The state of an operation of the same region, as in `OperationReport::state`; "" if it is not known.
  using StateOf = std::function<std::string_view(const ir::Operation&)>;

  /// `operation` is one of the region.
  std::string skipped(const ir::Region& region, const ir::Operation& operation, const StateOf& state_of);
  std::string blocked(const ir::Region& region, const ir::Operation& operation, const StateOf& state_of);

 private:
  const std::vector<ir::Dependencies::Upstream>& upstream_of(const ir::Region& region,
                                                             const ir::Operation& operation);

  std::unordered_map<const ir::Region*, ir::Dependencies> dependencies_;
};

}  // namespace sluice::runs
