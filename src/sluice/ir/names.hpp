#pragma once
#include <unordered_map>
#include <vector>

#include "sluice/ir/plan.hpp"
#include "sluice/ir/problems.hpp"
#include "sluice/ir/signature.hpp"

namespace sluice::ir {

/// The first half of verification: checks that every name is known where it is used, and that nothing waits
/// for itself. Returns, for each region, an order of its operations in which operands come first.
using Orders = std::unordered_map<const Region*, std::vector<std::size_t>>;
Orders check_names(const Plan& plan, Problems& problems);

/// Pipelines by name; of several with the same name, the first.
using PipelineIndex = std::unordered_map<std::string_view, std::size_t>;
PipelineIndex index_pipelines(const Plan& plan);

/// The pipelines of the plan, callees first.
std::vector<std::size_t> order_pipelines(const Plan& plan, const PipelineIndex& pipelines,
                                         Problems& problems);

/// The second half of verification: checks the types of the values, in the orders that the first half
/// returned.
void check_types(const Plan& plan, const Signatures& services, const PipelineIndex& pipelines,
                 const std::vector<std::size_t>& pipeline_order, const Orders& orders, Problems& problems);

/// The deepest nesting of regions in a verified plan.
inline constexpr std::size_t region_depth_max = 200;

}  // namespace sluice::ir
