#include "sluice/ir/given_names.hpp"

#include <algorithm>

namespace sluice::ir {

std::optional<std::string> name_problem(const Signature& service, const Parameter& input,
                                        const Value& value) {
  const auto* name = value.if_string();
  if (!name || !input.name_problem) return std::nullopt;
  auto problem = input.name_problem(*name);
  if (!problem) return std::nullopt;
  return "input `" + input.name + "` of service `" + service.name + "`: " + *problem;
}

std::vector<syntax::Diagnostic> check_given_names(const std::vector<KnownCall>& calls) {
  std::vector<syntax::Diagnostic> problems;
  for (const auto& made : calls) {
    for (const auto& [name, expression] : made.call->with) {
      const auto parameter = std::ranges::find(made.signature->inputs, name, &Parameter::name);
      const auto* value = made.inputs.find(name);
      if (!value) continue;
      if (auto problem = name_problem(*made.signature, *parameter, *value))
        problems.push_back({expression->at, std::move(*problem)});
    }
  }
  return problems;
}

}  // namespace sluice::ir
