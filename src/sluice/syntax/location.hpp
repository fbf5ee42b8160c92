#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace sluice::syntax {

/// A location in a source text; line and column count from 1, 0 means unknown. The file's name is kept once,
/// by the parser.
struct Location {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  bool operator==(const Location&) const = default;
};

/// One problem in a source text: "FILE:LINE:COLUMN: MESSAGE".
struct Diagnostic {
  Location at;
  std::string message;  ///< what is wrong, and a hint
};

/// "FILE:LINE:COLUMN", or "FILE" if the location is unknown.
std::string place(const std::string& file, Location at);

/// "FILE:LINE:COLUMN: MESSAGE" for each, one per line, in the order of the text.
std::string render(const std::string& file, std::vector<Diagnostic> diagnostics);

}  // namespace sluice::syntax
