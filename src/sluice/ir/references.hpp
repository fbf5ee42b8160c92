#pragma once
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "sluice/ir/plan.hpp"

namespace sluice::ir {

// Finds the names that a plan's expressions read; shared by the dependencies and the verifier.

/// How an expression reads a name.
enum class Use {
  strict,   ///< if the name is absent, the whole expression is absent
  lenient,  ///< absence is accepted, or the name may not be read at all
  state,    ///< status(name), error(name)
};

/// One reference to a name: the node of the root, and the constant field names after it.
struct Read {
  const syntax::Expression& root;
  std::span<const syntax::Expression* const> fields;  ///< the nodes of `.a`, `.b`, in that order
  Use use;
};
void visit_reads(const syntax::Expression& expression, Use use,
                 const std::function<void(const Read&)>& visit);

/// The position of an expression in an operation.
enum class Place {
  argument,
  environment,
  condition,
  limit,
  items,
  when,
  raised,
  retry_limit,
  retry_when,
  timeout,
  cache_key,
  resources,
  task_yield
};

/// Visits every expression of the operation that is evaluated in the operation's own region: all except those
/// in what `inner_scopes` returns.
void visit_expressions(const Operation& operation,
                       const std::function<void(const syntax::Expression&, Place)>& visit);

/// A region inside an operation, with the yield and the variables that belong to its scope.
struct InnerScope {
  const Region* region;
  const std::vector<Named>* yield;
  std::string_view as;     ///< "": none
  std::string_view index;  ///< "": none
};
std::vector<InnerScope> inner_scopes(const Operation& operation);

}  // namespace sluice::ir
