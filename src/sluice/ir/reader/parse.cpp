#include "sluice/ir/parse.hpp"

#include <utility>

#include "sluice/ir/reader/plan_reader.hpp"
#include "sluice/syntax/location.hpp"

namespace sluice::ir {

Result<Frontend::Lowered> parse_plan(std::string_view text, const std::string& file) {
  // The deepest plan: 200 regions, where an arm of a branch takes five levels, and the deepest value in the
  // innermost one.
  constexpr std::size_t depth_max = 1300;
  // `.nan` is an argument like any other; elsewhere the plan's reader refuses it.
  SLUICE_TRY(root, syntax::read_yaml(text, file, {.depth_max = depth_max}, syntax::InvalidScalars::keep));
  return PlanReader(file).run(root);
}

Result<std::shared_ptr<const Plan>> read_plan(std::string_view text) {
  const std::string file = "stored plan";
  const auto damaged = [](std::string message) {
    return Fail(internal_error(Code::data_loss, std::move(message)));
  };
  auto parsed = parse_plan(text, file);
  if (!parsed) return damaged(std::move(parsed).error().message);
  if (!parsed->problems.empty()) {
    auto lines = syntax::render(file, std::move(parsed->problems));
    lines.pop_back();  // the last newline
    return damaged(std::move(lines));
  }
  return std::make_shared<const Plan>(std::move(parsed->plan));
}

}  // namespace sluice::ir
