#pragma once
#include <unordered_map>
#include <vector>

#include "sluice/ir/plan.hpp"
#include "sluice/ir/problems.hpp"
#include "sluice/ir/signature.hpp"

namespace sluice::ir {

/// The first half of verification: whether every name is known where it is used, and nothing waits for
/// itself. For each region, the order in which its operations can be looked at so that operands come first.
using Orders = std::unordered_map<const Region*, std::vector<std::size_t>>;
Orders check_names(const Plan& plan, Problems& problems);

/// Pipelines by name; the first of those with the same name.
using PipelineIndex = std::unordered_map<std::string_view, std::size_t>;
PipelineIndex index_pipelines(const Plan& plan);

/// The pipelines of the plan, callees first.
std::vector<std::size_t> order_pipelines(const Plan& plan, const PipelineIndex& pipelines,
                                         Problems& problems);

/// The second half: what flows where, given the orders of the first.
void check_types(const Plan& plan, const Signatures& services, const PipelineIndex& pipelines,
                 const std::vector<std::size_t>& pipeline_order, const Orders& orders, Problems& problems);

/// No region of a verified plan lies deeper in others.
inline constexpr std::size_t region_depth_max = 200;

}  // namespace sluice::ir
