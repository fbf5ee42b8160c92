#include "sluice/app/terminal/cells.hpp"

#include "sluice/base/words.hpp"

namespace sluice::app {
namespace {

std::size_t length_at(std::string_view text, std::size_t i) {
  const auto lead = static_cast<unsigned char>(text[i]);
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
  return std::min(length, text.size() - i);
}

/// Characters of two cells exist from U+1100 on (bytes e1 84 80), but not before it.
std::size_t width_at(std::string_view text, std::size_t i) {
  const auto lead = static_cast<unsigned char>(text[i]);
  if (lead < 0xe1) return 1;
  return text.substr(i).starts_with("…") ? 1 : 2;
}

std::string printable_except(std::string_view text, std::string_view kept) {
  std::string out;
  const auto whole = is_utf8(text) ? std::string(text) : as_utf8(text);
  for (std::size_t i = 0; i < whole.size();) {
    const auto length = length_at(whole, i);
    const auto lead = static_cast<unsigned char>(whole[i]);
    // U+0080 to U+009F are control characters, too.
    const bool control = (lead < 0x20 && !kept.contains(whole[i])) || lead == 0x7f ||
                         (lead == 0xc2 && length == 2 && static_cast<unsigned char>(whole[i + 1]) < 0xa0);
    out += control ? "?" : whole.substr(i, length);
    i += length;
  }
  return out;
}

}  // namespace

std::string printable(std::string_view text) { return printable_except(text, ""); }

std::string printable_lines(std::string_view text) { return printable_except(text, "\n\t"); }

std::size_t cells_of(std::string_view text) {
  std::size_t cells = 0;
  for (std::size_t i = 0; i < text.size(); i += length_at(text, i)) cells += width_at(text, i);
  return cells;
}

std::string cut(std::string_view text, std::size_t cells) {
  if (cells_of(text) <= cells) return std::string(text);
  if (cells == 0) return {};
  std::size_t used = 1;  // the ellipsis
  std::size_t end = 0;
  while (end < text.size() && used + width_at(text, end) <= cells) {
    used += width_at(text, end);
    end += length_at(text, end);
  }
  return std::string(text.substr(0, end)) + "…";
}

std::string padded(std::string_view text, std::size_t cells) {
  const auto used = cells_of(text);
  return std::string(text) + std::string(used < cells ? cells - used : 0, ' ');
}

}  // namespace sluice::app
