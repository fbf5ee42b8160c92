#include "sluice/ir/known_calls.hpp"

#include <algorithm>

#include "sluice/ir/inputs.hpp"

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

/// Whether an operation of the region may run because, or although, another one has failed.
bool handles_failures(const Region& region) {
  return std::ranges::any_of(region.operations, [](const Operation& operation) {
    return operation.trigger == Trigger::completed || operation.trigger == Trigger::any_succeeded ||
           operation.trigger == Trigger::any_failed;
  });
}

/// Whether the operation always runs, and its failure is one of its region.
bool is_certain(const Operation& operation) {
  return !operation.condition && operation.fails && operation.trigger == Trigger::succeeded;
}

/// Whether the regions inside the operation always run, and their failures are its own.
bool keeps_certainty(const Operation& operation) {
  if (const auto* each = std::get_if<Each>(&operation.what))
    return !each->tolerate && !each->tolerate_percent;
  return !std::holds_alternative<Branch>(operation.what);
}

class Finder {
 public:
  Finder(const Plan& plan, const Signatures& services) : plan_(plan), services_(services) {}

  void pipeline(const Pipeline& pipeline, const Struct& inputs, bool certain) {
    // A plan may call its pipelines in more ways than can be followed; the services check in any case.
    constexpr std::size_t calls_max = 1000;
    if (++calls_ <= calls_max) region(pipeline.body, inputs, certain);
  }
  std::vector<KnownCall> take() { return std::move(found_); }

 private:
  void region(const Region& region, const Struct& inputs, bool region_certain) {
    region_certain = region_certain && !handles_failures(region);
    for (const auto& operation : region.operations) {
      const bool certain = region_certain && is_certain(operation);
      if (const auto* call = std::get_if<ServiceCall>(&operation.what))
        service(operation.at, *call, inputs, certain);
      if (const auto* call = std::get_if<PipelineCall>(&operation.what))
        if (const auto* callee = plan_.find(call->pipeline))
          pipeline(*callee, inputs_of(*callee, *call, inputs), certain);
      for (const auto* inner : regions_of(operation))
        this->region(*inner, inputs, certain && keeps_certainty(operation));
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

  void service(Location at, const ServiceCall& call, const Struct& inputs, bool certain) {
    const auto signature = std::ranges::find(services_, call.service, &Signature::name);
    if (signature == services_.end()) return;
    KnownCall found{.call = &call, .signature = &*signature, .at = at, .inputs = {}, .certain = certain};
    for (const auto& [name, expression] : call.with) {
      const auto parameter = std::ranges::find(signature->inputs, name, &Parameter::name);
      auto value = known_value(*expression, inputs);
      if (parameter != signature->inputs.end() && value && !type_mismatch(*value, parameter->type, false))
        found.inputs.append(name, std::move(*value));
    }
    found_.push_back(std::move(found));
  }

  const Plan& plan_;
  const Signatures& services_;
  std::vector<KnownCall> found_;
  std::size_t calls_ = 0;
};

}  // namespace

std::vector<KnownCall> known_calls(const Plan& plan, const Pipeline& pipeline, const Struct& inputs,
                                   const Signatures& services) {
  Finder finder(plan, services);
  finder.pipeline(pipeline, inputs, true);
  return finder.take();
}

}  // namespace sluice::ir
