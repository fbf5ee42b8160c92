#include "sluice/app/commands/given_folder.hpp"

#include <algorithm>

#include "sluice/app/plugins.hpp"
#include "sluice/os/files.hpp"

namespace sluice::app {
namespace {

namespace fs = std::filesystem;

/// Takes `kept`, a path below `folder`, out of the paths that are left out: if a folder that holds it is left
/// out, what else is in that folder is left out instead.
Result<void> keep(const fs::path& folder, const std::string& kept,
                  std::unordered_set<std::string>& left_out) {
  for (auto end = kept.find('/');; end = kept.find('/', end + 1)) {
    const auto path = kept.substr(0, end);
    if (left_out.erase(path) > 0) {
      if (end == std::string::npos) return {};
      SLUICE_TRY(entries, os::list_directory(folder / path));
      for (const auto& entry : entries) left_out.insert(path + "/" + entry.name);
    }
    if (end == std::string::npos) return {};
  }
}

}  // namespace

Result<ports::Selection> select_input(const fs::path& folder) {
  ports::Selection selection{.leftovers = false};
  const auto file = folder / ".sluiceignore";
  if (!os::exists(file)) return selection;
  SLUICE_TRY(text, os::read_file(file, 1 << 20));
  for (std::size_t begin = 0; begin < text.size();) {
    const auto end = std::min(text.find('\n', begin), text.size());
    selection.patterns.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return selection;
}

Result<ports::Selection> select_code(const fs::path& folder, const std::vector<std::string>& arguments) {
  SLUICE_TRY(selection, select_input(folder));
  SLUICE_TRY(ignored, ignored_by_git(folder));
  selection.left_out.insert(ignored.begin(), ignored.end());
  for (const auto& argument : arguments) {
    const auto path = fs::path(argument).lexically_normal();
    const bool is_inside = path.is_relative() && !path.empty() && *path.begin() != ".." && path != ".";
    if (is_inside && os::exists(folder / path))
      SLUICE_DO(keep(folder, path.generic_string(), selection.left_out));
  }
  return selection;
}

}  // namespace sluice::app
