#pragma once
#include <string>
#include <string_view>

namespace sluice::app {

/// Text for a terminal: control characters and what is no UTF-8 become `?`, so that no name or message can
/// steer it.
std::string printable(std::string_view text);
/// The same for text of several lines: line feeds and tabs stay.
std::string printable_lines(std::string_view text);

/// How many cells printable text takes, or more: wide characters are counted as wide wherever they may be.
std::size_t cells_of(std::string_view text);

/// The text in at most `cells` cells; what was cut off shows as `…`.
std::string cut(std::string_view text, std::size_t cells);

/// The text, and spaces up to `cells`.
std::string padded(std::string_view text, std::size_t cells);

}  // namespace sluice::app
