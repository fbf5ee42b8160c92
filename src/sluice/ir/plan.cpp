#include "sluice/ir/plan.hpp"

#include "sluice/base/json.hpp"
#include "sluice/ir/references.hpp"

namespace sluice::ir {

const Pipeline* Plan::find(std::string_view pipeline) const {
  for (const auto& candidate : pipelines)
    if (candidate.name == pipeline) return &candidate;
  return nullptr;
}

const Pipeline* Plan::entry() const { return pipelines.size() == 1 ? &pipelines.front() : find("main"); }

std::vector<const Region*> regions_of(const Operation& operation) {
  std::vector<const Region*> regions;
  for (const auto& inner : inner_scopes(operation)) regions.push_back(inner.region);
  return regions;
}

Digest plan_digest(const Plan& plan) { return Digest::of(print_plan(plan)); }

std::string name_of(const Environment& environment) {
  Struct name;
  if (!environment.python.empty()) name.set("python", environment.python);
  if (!environment.file.empty()) {
    name.set("requirements", environment.file);
  } else {
    List requirements;
    for (const auto& requirement : environment.requirements) requirements.emplace_back(requirement);
    name.set("requirements", std::move(requirements));
  }
  if (!environment.without_dependencies.empty()) {
    List alone;
    for (const auto& requirement : environment.without_dependencies) alone.emplace_back(requirement);
    name.set("without_dependencies", std::move(alone));
  }
  if (!environment.indexes.empty())
    name.set("indexes", List(environment.indexes.begin(), environment.indexes.end()));
  return canonical_json(name);
}

void for_each_operation(const Plan& plan, const std::function<void(const Operation&)>& visit) {
  std::vector<const Region*> pending;
  pending.reserve(plan.pipelines.size());
  for (const auto& pipeline : plan.pipelines) pending.push_back(&pipeline.body);
  while (!pending.empty()) {
    const auto* region = pending.back();
    pending.pop_back();
    for (const auto& operation : region->operations) {
      visit(operation);
      const auto inner = regions_of(operation);
      pending.insert(pending.end(), inner.begin(), inner.end());
    }
  }
}

}  // namespace sluice::ir
