#pragma once
// Private to this module: what a Python module imports, as far as it is worth to import before.
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::executors {

/// The modules that the statements at the beginning of lines name, `import a.b, c as d` and `from a.b import
/// c` (Python Language Reference, 7.11); relative ones not. A guess: what looks like a statement in a text is
/// one too.
std::vector<std::string> imports_in(std::string_view source);

/// What `module`, in the folder, and the modules of this folder that it imports, import from elsewhere:
/// sorted, at most 64. Files are read within limits; one that is not there, or too large, imports nothing.
std::vector<std::string> imported_modules(const std::filesystem::path& folder, const std::string& module);

/// The same for a text that runs in the folder.
std::vector<std::string> imported_by(const std::filesystem::path& folder, std::string_view source);

}  // namespace sluice::executors
