#include "sluice/base/csv.hpp"

#include <algorithm>
#include <array>

namespace sluice {
namespace {

using namespace std::string_view_literals;

constexpr auto escape = '\'';
constexpr std::array escaped{"="sv, "+"sv,  "-"sv,  "@"sv,  "\t"sv, "\r"sv,
                             "'"sv, "＝"sv, "＋"sv, "－"sv, "＠"sv};

bool begins_like_a_formula(std::string_view cell) {
  return std::ranges::any_of(escaped, [cell](std::string_view begin) { return cell.starts_with(begin); });
}

void append_cell(std::string& out, std::string_view cell) {
  const bool is_quoted = cell.find_first_of(",\"\r\n") != std::string_view::npos;
  if (is_quoted) out += '"';
  if (begins_like_a_formula(cell)) out += escape;
  for (const char c : cell) {
    if (c == '"') out += '"';
    out += c;
  }
  if (is_quoted) out += '"';
}

std::string read_cell(std::string_view cell) {
  const bool is_escaped = cell.starts_with(escape) && begins_like_a_formula(cell.substr(1));
  return std::string(cell.substr(is_escaped ? 1 : 0));
}

}  // namespace

std::string csv_row(const std::vector<std::string>& cells) {
  std::string out;
  for (const auto& cell : cells) {
    if (&cell != cells.data()) out += ',';
    append_cell(out, cell);
  }
  return out + '\n';
}

std::optional<std::vector<std::string>> take_csv_row(std::string_view& text) {
  std::vector<std::string> cells;
  std::string cell;
  bool is_quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"' && is_quoted && text.substr(i + 1).starts_with('"')) {
      cell += text[++i];
    } else if (c == '"') {
      is_quoted = !is_quoted;
    } else if (is_quoted) {
      cell += c;
    } else if (c == ',') {
      cells.push_back(read_cell(cell));
      cell.clear();
    } else if (c == '\n' || (c == '\r' && text.substr(i + 1).starts_with('\n'))) {
      cells.push_back(read_cell(cell));
      text.remove_prefix(i + (c == '\r' ? 2 : 1));
      return cells;
    } else {
      cell += c;
    }
  }
  return std::nullopt;
}

}  // namespace sluice
