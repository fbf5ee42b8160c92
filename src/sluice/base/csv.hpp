#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// Rows of comma-separated values as RFC 4180 defines them, which a spreadsheet can open without harm: a cell
/// that would begin like a formula (`=`, `+`, `-`, `@`, also in full width, a tab or a carriage return)
/// begins with `'` instead; so that reading gives back what was written, so does one that begins with `'`.

/// The row with its line feed.
std::string csv_row(const std::vector<std::string>& cells);

/// Takes the first row off `text`, whether it ends with a line feed or with both characters; nullopt, and
/// `text` is unchanged, if it does not end in `text`.
std::optional<std::vector<std::string>> take_csv_row(std::string_view& text);

}  // namespace sluice
