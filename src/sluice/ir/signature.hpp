#pragma once
#include <string>
#include <vector>

#include "sluice/ir/plan.hpp"

namespace sluice::ir {

/// An input or output of a built-in service.
struct Parameter {
  std::string name;
  Type type;
  bool optional = false;
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
