#pragma once
#include <cstddef>
#include <vector>

#include "sluice/ir/plan.hpp"

namespace sluice::ir {

/// The dependencies between the operations of one region. All of them are indices into `Region::operations`.
struct Dependencies {
  struct Upstream {
    std::size_t operation = 0;
    bool operand = false;  ///< a value is read strictly: if it is absent, the reading operation cannot run
    bool after = false;    ///< named in `after`, status() or error()
    // Neither: it is read only where absence is accepted: default(), first(), present(), required(), a lazy
    // argument, an element of a list or struct, a yield.
    bool operator==(const Upstream&) const = default;
  };
  std::vector<std::vector<Upstream>> upstream;       ///< each operation once, in the order of the text
  std::vector<std::vector<std::size_t>> downstream;  ///< the same edges in the other direction
};

/// Reads are hoisted: what the regions inside an operation read from this region counts as read by the
/// operation itself (docs/plans.md, Hoisting). Names that are not operations of this region (inputs, loop
/// variables, outer operations) are ignored.
Dependencies dependencies_of(const Region& region);

}  // namespace sluice::ir
