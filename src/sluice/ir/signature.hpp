#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/ir/plan.hpp"

namespace sluice::ir {

/// An input or output of a built-in service.
struct Parameter {
  std::string name;
  Type type;
  bool optional = false;
  /// Of an input of type string that is a name: what is wrong with it; nullopt: nothing. It is called with
  /// what the plan or a run's inputs say, before anything runs. Null: every string is accepted.
  std::optional<std::string> (*name_problem)(std::string_view name) = nullptr;
};
enum class Effect { none, idempotent };
struct Signature {
  std::string name;     ///< "image.embed"
  std::string version;  ///< semantic; part of the cache key
  Effect effect = Effect::none;
  std::vector<Parameter> inputs;
  std::vector<Parameter> outputs;
};
using Signatures = std::vector<Signature>;

}  // namespace sluice::ir
