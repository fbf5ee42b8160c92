#pragma once
#include <cstddef>
#include <string>
#include <vector>

namespace sluice::ir {

/// A graph's nodes in topological order (upstream first), and the cycles that make such an order impossible.
struct Order {
  std::vector<std::size_t> nodes;  ///< all of them; within a cycle in no particular order
  std::vector<std::vector<std::size_t>>
      cycles;  ///< each waits for the next, the last for the first; at most 20
};
/// `upstream[i]`: what i waits for. Linear; does not recurse.
Order order_of(const std::vector<std::vector<std::size_t>>& upstream);

/// "`a` VERB `b`, `b` VERB `a`"; the middle of a long cycle is left out.
std::string print_cycle(const std::vector<std::string>& names, const std::string& verb);

}  // namespace sluice::ir
