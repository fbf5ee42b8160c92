#include "sluice/syntax/location.hpp"

#include <algorithm>
#include <tuple>

namespace sluice::syntax {

std::string place(const std::string& file, Location at) {
  if (at.line == 0) return file;
  return file + ":" + std::to_string(at.line) + ":" + std::to_string(at.column);
}

std::string render(const std::string& file, std::vector<Diagnostic> diagnostics) {
  std::ranges::sort(diagnostics, [](const Diagnostic& a, const Diagnostic& b) {
    return std::tie(a.at.line, a.at.column, a.message) < std::tie(b.at.line, b.at.column, b.message);
  });
  std::string text;
  for (const auto& [at, message] : diagnostics) text += place(file, at) + ": " + message + "\n";
  return text;
}

}  // namespace sluice::syntax
