#pragma once
#include <string>
#include <string_view>

namespace sluice::app {

/// Text that is safe for a terminal: control characters become `?` and invalid UTF-8 is replaced, so that no
/// name or message can control the terminal.
std::string printable(std::string_view text);
/// The same for text of several lines: line feeds and tabs are kept.
std::string printable_lines(std::string_view text);

/// An upper bound of the cells that printable text occupies: characters that may be wide count as wide.
std::size_t cells_of(std::string_view text);

/// The text truncated to at most `cells` cells; a truncated text ends with `…`.
std::string cut(std::string_view text, std::size_t cells);

/// The text, padded with spaces to `cells`.
std::string padded(std::string_view text, std::size_t cells);

}  // namespace sluice::app
