#pragma once
#include <cstddef>
#include <vector>

#include "sluice/ir/plan.hpp"

namespace sluice::ir {

/// What each operation of a region waits for inside that region. Everything is an index into
/// `Region::operations`.
struct Dependencies {
  struct Upstream {
    std::size_t operation = 0;
    bool operand = false;  ///< a value is read strictly: if it is absent, the reader cannot run
    bool after = false;    ///< named in `after`, status() or error()
    // neither: read only where absence is accepted: default(), first(), present(), required(), a lazy
    // argument, an element of a list or struct, a yield
    bool operator==(const Upstream&) const = default;
  };
  std::vector<std::vector<Upstream>> upstream;       ///< each operation once, in the order of the text
  std::vector<std::vector<std::size_t>> downstream;  ///< the same edges from the other end
};

/// Hoisted: what the regions inside an operation read from this region counts as the operation's own
/// (docs/plans.md, Hoisting). Names that are no operations of this region (inputs, loop variables, outer
/// operations) are passed over.
Dependencies dependencies_of(const Region& region);

}  // namespace sluice::ir
