#include "sluice/ir/plan.hpp"

#include "sluice/ir/references.hpp"

namespace sluice::ir {

const Pipeline* Plan::find(std::string_view pipeline) const {
  for (const auto& candidate : pipelines)
    if (candidate.name == pipeline) return &candidate;
  return nullptr;
}

std::vector<const Region*> regions_of(const Operation& operation) {
  std::vector<const Region*> regions;
  for (const auto& inner : inner_scopes(operation)) regions.push_back(inner.region);
  return regions;
}

Digest plan_digest(const Plan& plan) { return Digest::of(print_plan(plan)); }

}  // namespace sluice::ir
