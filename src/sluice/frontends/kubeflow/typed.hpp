#pragma once
// Private to this module.
#include <optional>

#include "sluice/frontends/kubeflow/expressions.hpp"
#include "sluice/frontends/kubeflow/spec.hpp"

namespace sluice::frontends::kubeflow {

/// The value of an argument.
struct Typed {
  ExpressionPtr value;
  std::optional<ParameterType> type;  ///< nullopt: known only when it is there
  bool may_be_absent = false;
};

}  // namespace sluice::frontends::kubeflow
