#pragma once
#include <cstddef>
#include <string>
#include <vector>

namespace sluice::ir {

/// A graph's nodes with whatever they wait for first, and the circles that stand in the way.
struct Order {
  std::vector<std::size_t> nodes;  ///< all of them; within a circle in no useful order
  std::vector<std::vector<std::size_t>>
      circles;  ///< each waits for the next, the last for the first; at most 20
};
/// `upstream[i]`: what i waits for. Linear; does not recurse.
Order order_of(const std::vector<std::vector<std::size_t>>& upstream);

/// "`a` VERB `b`, `b` VERB `a`"; the middle of a long circle is left out.
std::string print_circle(const std::vector<std::string>& names, const std::string& verb);

}  // namespace sluice::ir
