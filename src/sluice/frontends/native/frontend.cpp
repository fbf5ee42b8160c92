#include <algorithm>

#include "sluice/frontends/native/native_frontend.hpp"
#include "sluice/ir/parse.hpp"

namespace sluice::frontends {

std::string_view NativeFrontend::name() const { return "sluice"; }

bool NativeFrontend::recognizes(std::string_view text, const std::string&) const {
  constexpr std::size_t looked_at = 64 << 10;  // a file may begin with a long comment
  text = text.substr(0, looked_at);
  while (!text.empty()) {
    auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const auto start = line.find_first_not_of(" \t\r{");
    if (start == std::string_view::npos || line[start] == '#' || line.starts_with("---") ||
        line.starts_with("%"))
      continue;
    line.remove_prefix(start);
    return line.starts_with("sluice:") || line.starts_with("\"sluice\"");
  }
  return false;
}

Result<ir::Frontend::Lowered> NativeFrontend::lower(std::string_view text, const std::string& file) const {
  return ir::parse_plan(text, file);
}

}  // namespace sluice::frontends
