#include <algorithm>

#include "sluice/frontends/native/native_frontend.hpp"
#include "sluice/ir/parse.hpp"

namespace sluice::frontends {
namespace {

constexpr std::string_view key = "sluice";

/// Where the document's content begins: after comments, directives and the line `---`.
std::size_t first_key(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const auto line = text.substr(at, text.find('\n', at) - at);
    const auto start = line.find_first_not_of(" \t\r");
    const bool has_content = start != std::string_view::npos && line[start] != '#' &&
                             !line.starts_with("---") && !line.starts_with('%');
    if (has_content) return at + start;
    at += line.size() + 1;
  }
  return text.size();
}

std::size_t line_start(std::string_view text, std::size_t at) {
  return at == 0 ? 0 : text.rfind('\n', at - 1) + 1;
}

}  // namespace

std::string_view NativeFrontend::name() const { return "sluice"; }

bool NativeFrontend::recognizes(std::string_view text, const std::string&) const {
  constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
  constexpr std::string_view space = " \t\r\n";
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  const auto first = first_key(text);
  const bool is_flow = text.substr(first).starts_with('{');
  for (auto at = text.find(key, first); at != std::string_view::npos; at = text.find(key, at + 1)) {
    auto begin = at;
    auto after = text.substr(at + key.size());
    if (begin > 0 && (text[begin - 1] == '"' || text[begin - 1] == '\'') &&
        after.starts_with(text[begin - 1])) {
      after.remove_prefix(1);
      --begin;
    }
    after.remove_prefix(std::min(after.find_first_not_of(" \t"), after.size()));
    if (!after.starts_with(':')) continue;
    // A key of the outermost map: in flow style after `{` or `,`, in block style below the first key.
    const auto before = text.substr(0, begin).find_last_not_of(space);
    if (is_flow ? before != std::string_view::npos && (text[before] == '{' || text[before] == ',')
                : begin - line_start(text, begin) == first - line_start(text, first))
      return true;
  }
  return false;
}

Result<ir::Frontend::Lowered> NativeFrontend::lower(std::string_view text, const std::string& file,
                                                    const ir::LoweringOptions&) const {
  return ir::parse_plan(text, file);
}

}  // namespace sluice::frontends
