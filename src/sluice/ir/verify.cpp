#include "sluice/ir/verify.hpp"

#include <algorithm>
#include <tuple>

#include "sluice/ir/names.hpp"
#include "sluice/ir/unsupported.hpp"

namespace sluice::ir {

std::vector<syntax::Diagnostic> verify(const Plan& plan, const Signatures& services) {
  Problems problems;
  const auto pipelines = index_pipelines(plan);
  if (plan.pipelines.empty())
    problems.add({1, 1}, "a plan should have at least one pipeline under `pipelines`");
  const auto orders = check_names(plan, problems);
  const auto pipeline_order = order_pipelines(plan, pipelines, problems);
  check_types(plan, services, pipelines, pipeline_order, orders, problems);
  refuse_unsupported(plan, problems);
  auto found = problems.take();
  std::ranges::sort(found, [](const auto& a, const auto& b) {
    return std::tie(a.at.line, a.at.column, a.message) < std::tie(b.at.line, b.at.column, b.message);
  });
  return found;
}

}  // namespace sluice::ir
