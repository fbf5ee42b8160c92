#include "sluice/frontends/kubeflow/quantity.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "sluice/base/json.hpp"

namespace sluice::frontends::kubeflow {

std::optional<double> parse_quantity(std::string_view text) {
  using Unit = std::pair<std::string_view, double>;
  constexpr std::array units{Unit{"Ki", 0x1p10}, Unit{"Mi", 0x1p20}, Unit{"Gi", 0x1p30}, Unit{"Ti", 0x1p40},
                             Unit{"Pi", 0x1p50}, Unit{"m", 1e-3},    Unit{"k", 1e3},     Unit{"K", 1e3},
                             Unit{"M", 1e6},     Unit{"G", 1e9},     Unit{"T", 1e12},    Unit{"P", 1e15}};
  double factor = 1;
  const auto unit = std::ranges::find_if(units, [&](const Unit& one) { return text.ends_with(one.first); });
  if (unit != units.end()) {
    text.remove_suffix(unit->first.size());
    factor = unit->second;
  }
  constexpr std::string_view digits = "0123456789.";
  if (text.empty() || text.find_first_not_of(digits) != std::string_view::npos) return std::nullopt;
  const auto number = parse_json(text);
  const auto value = number ? number->as_double() : std::nullopt;
  return value ? std::optional(*value * factor) : std::nullopt;
}

}  // namespace sluice::frontends::kubeflow
