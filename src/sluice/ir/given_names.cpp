#include "sluice/ir/given_names.hpp"

#include <algorithm>

namespace sluice::ir {
namespace {

using syntax::Evaluated;
using syntax::Maybe;

/// Knows the inputs of a pipeline, as far as they are known before the run.
class InputsScope final : public syntax::Scope {
 public:
  explicit InputsScope(const Struct& inputs) : inputs_(inputs) {}
  [[nodiscard]] Evaluated lookup(std::string_view name) const override {
    return name == "inputs" ? Maybe(Value(inputs_)) : Maybe{};
  }
  [[nodiscard]] Evaluated status_of(std::string_view) const override { return Maybe{}; }
  [[nodiscard]] Evaluated error_of(std::string_view) const override { return Maybe{}; }

 private:
  const Struct& inputs_;
};

/// The value of an expression that reads nothing but inputs that are known.
std::optional<Value> known_value(const syntax::Expression& expression, const Struct& inputs) {
  bool known = true;
  syntax::visit_references(expression, [&](std::string_view root, const auto& fields, syntax::Location) {
    known = known && root == "inputs" && !fields.empty() && inputs.find(fields.front());
  });
  if (!known) return std::nullopt;
  auto value = syntax::evaluate(expression, InputsScope(inputs));
  return value ? std::move(*value) : std::nullopt;
}

class GivenNames {
 public:
  GivenNames(const Plan& plan, const Signatures& services) : plan_(plan), services_(services) {}

  void pipeline(const Pipeline& pipeline, const Struct& inputs) {
    // A plan may call its pipelines in more ways than can be followed; the services check names in any case.
    constexpr std::size_t calls_max = 1000;
    if (++calls_ <= calls_max) region(pipeline.body, inputs);
  }
  std::vector<syntax::Diagnostic> take() { return std::move(problems_); }

 private:
  void region(const Region& region, const Struct& inputs) {
    for (const auto& operation : region.operations) {
      if (const auto* call = std::get_if<ServiceCall>(&operation.what)) service(*call, inputs);
      if (const auto* call = std::get_if<PipelineCall>(&operation.what))
        if (const auto* callee = plan_.find(call->pipeline))
          pipeline(*callee, inputs_of(*callee, *call, inputs));
      for (const auto* inner : regions_of(operation)) this->region(*inner, inputs);
    }
  }

  static Struct inputs_of(const Pipeline& callee, const PipelineCall& call, const Struct& inputs) {
    Struct known;
    for (const auto& input : callee.inputs) {
      const auto given = std::ranges::find(call.with, input.name, &Named::first);
      auto value = given == call.with.end() ? input.value : known_value(*given->second, inputs);
      if (value) known.append(input.name, std::move(*value));
    }
    return known;
  }

  void service(const ServiceCall& call, const Struct& inputs) {
    const auto signature = std::ranges::find(services_, call.service, &Signature::name);
    if (signature == services_.end()) return;
    for (const auto& [name, expression] : call.with) {
      const auto parameter = std::ranges::find(signature->inputs, name, &Parameter::name);
      if (parameter == signature->inputs.end() || !parameter->name_problem) continue;
      const auto value = known_value(*expression, inputs);
      if (!value) continue;
      if (auto problem = name_problem(*signature, *parameter, *value))
        problems_.push_back({expression->at, std::move(*problem)});
    }
  }

  const Plan& plan_;
  const Signatures& services_;
  std::vector<syntax::Diagnostic> problems_;
  std::size_t calls_ = 0;
};

}  // namespace

std::optional<std::string> name_problem(const Signature& service, const Parameter& input,
                                        const Value& value) {
  const auto* name = value.if_string();
  if (!name || !input.name_problem) return std::nullopt;
  auto problem = input.name_problem(*name);
  if (!problem) return std::nullopt;
  return "input `" + input.name + "` of service `" + service.name + "`: " + *problem;
}

std::vector<syntax::Diagnostic> check_given_names(const Plan& plan, const Pipeline& pipeline,
                                                  const Struct& inputs, const Signatures& services) {
  GivenNames names(plan, services);
  names.pipeline(pipeline, inputs);
  return names.take();
}

}  // namespace sluice::ir
