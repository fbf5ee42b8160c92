#pragma once
// Private to this module.
#include <ranges>
#include <string>
#include <string_view>

#include "sluice/ir/problems.hpp"

namespace sluice::frontends::kubeflow {

/// "; did you mean `x`?" for the item whose name is most like the word; "" if none is.
template <typename Items>
std::string suggest(ir::Problems& problems, std::string_view word, const Items& items) {
  return problems.suggest(
      word, items | std::views::transform([](const auto& item) -> const std::string& { return item.name; }));
}

}  // namespace sluice::frontends::kubeflow
