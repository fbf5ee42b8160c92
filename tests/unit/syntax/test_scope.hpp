#pragma once
#include <map>
#include <memory>
#include <string>

#include "sluice/base/json.hpp"
#include "sluice/syntax/expression.hpp"

namespace sluice::syntax {

/// A scope over tables: operations hold outputs, variables do not.
class TestScope : public Scope {
 public:
  std::map<std::string, Value, std::less<>> outputs;
  std::map<std::string, Value, std::less<>> variables;
  std::map<std::string, std::string, std::less<>> states;

  [[nodiscard]] Evaluated lookup(std::string_view name) const override {
    if (const auto found = outputs.find(name); found != outputs.end()) return found->second;
    if (const auto found = variables.find(name); found != variables.end()) return found->second;
    return std::nullopt;
  }
  [[nodiscard]] Evaluated status_of(std::string_view operation) const override {
    const auto found = states.find(operation);
    if (found == states.end()) return std::nullopt;
    return Value(found->second);
  }
  [[nodiscard]] Evaluated error_of(std::string_view operation) const override {
    const auto found = states.find(operation);
    if (found == states.end() || found->second != "failed") return std::nullopt;
    Struct error;
    error.set("kind", "exit");
    return Value(std::move(error));
  }
  [[nodiscard]] bool holds_outputs(std::string_view name) const override { return outputs.contains(name); }
};

/// JSON of the value, "absent", or "KIND: MESSAGE" of what is raised.
inline std::string shown(const Evaluated& result) {
  if (!result) return result.error().kind + ": " + result.error().message;
  return *result ? to_json(**result) : "absent";
}

inline std::string evaluated(std::string_view source, const Scope& scope = TestScope(),
                             EvaluationLimits limits = {}) {
  const auto parsed = parse_expression(source, {1, 1});
  return parsed ? shown(evaluate(**parsed, scope, limits)) : parsed.error().message;
}

}  // namespace sluice::syntax
