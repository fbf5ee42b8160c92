#include "sluice/ir/order.hpp"

#include <cstdint>

namespace sluice::ir {

Order order_of(const std::vector<std::vector<std::size_t>>& upstream) {
  constexpr std::size_t cycles_max = 20;  // the rest is reported once these are fixed
  enum class Mark : std::uint8_t { unseen, open, done };
  Order order;
  std::vector<Mark> marks(upstream.size(), Mark::unseen);
  struct Step {
    std::size_t node;
    std::size_t next;  ///< of its upstream
  };
  std::vector<Step> path;
  for (std::size_t start = 0; start < upstream.size(); ++start) {
    if (marks[start] != Mark::unseen) continue;
    marks[start] = Mark::open;
    path.push_back({start, 0});
    while (!path.empty()) {
      auto& [node, next] = path.back();
      if (next == upstream[node].size()) {
        marks[node] = Mark::done;
        order.nodes.push_back(node);
        path.pop_back();
        continue;
      }
      const auto to = upstream[node][next++];
      if (marks[to] == Mark::unseen) {
        marks[to] = Mark::open;
        path.push_back({to, 0});
      } else if (marks[to] == Mark::open && order.cycles.size() < cycles_max) {
        std::size_t from = path.size();
        while (path[--from].node != to) {
        }
        auto& cycle = order.cycles.emplace_back();
        for (; from < path.size(); ++from) cycle.push_back(path[from].node);
      }
    }
  }
  return order;
}

std::string print_cycle(const std::vector<std::string>& names, const std::string& verb) {
  constexpr std::size_t shown = 8;
  if (names.size() == 1) return "`" + names.front() + "` " + verb + " itself";
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names.size() > shown && i == shown - 1) {
      text += ", and so on through " + std::to_string(names.size() - shown) + " more, ";
      i = names.size() - 1;
    } else if (i > 0) {
      text += ", ";
    }
    text += "`" + names[i] + "` " + verb + " `" + names[(i + 1) % names.size()] + "`";
  }
  return text;
}

}  // namespace sluice::ir
