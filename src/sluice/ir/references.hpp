#pragma once
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "sluice/ir/plan.hpp"

namespace sluice::ir {

// How the names in a plan's expressions are found: what the dependencies and the verifier share.

/// How an expression reads a name.
enum class Use {
  strict,   ///< if it is absent, so is the whole
  lenient,  ///< absence is accepted, or it may not be read at all
  state,    ///< status(name), error(name)
};

/// One reference: the root's node, and the constant field names after it.
struct Read {
  const syntax::Expression& root;
  std::span<const syntax::Expression* const> fields;  ///< the nodes of `.a`, `.b`, in that order
  Use use;
};
void visit_reads(const syntax::Expression& expression, Use use,
                 const std::function<void(const Read&)>& visit);

/// Where an expression stands in an operation.
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

/// Every expression of the operation that is evaluated in its own region: all but what `inner_scopes`
/// answers.
void visit_expressions(const Operation& operation,
                       const std::function<void(const syntax::Expression&, Place)>& visit);

/// A region inside an operation, with what is evaluated in its scope.
struct InnerScope {
  const Region* region;
  const std::vector<Named>* yield;
  std::string_view as;     ///< "": none
  std::string_view index;  ///< "": none
};
std::vector<InnerScope> inner_scopes(const Operation& operation);

}  // namespace sluice::ir
