#include "sluice/stores/git/work_tree.hpp"

#include <memory>

#include "sluice/os/files.hpp"
#include "sluice/stores/git/libgit2.hpp"

namespace sluice::stores::git {
namespace {

namespace fs = std::filesystem;

/// Cheap, unlike loading the library.
bool is_in_work_tree(const fs::path& folder) {
  for (auto at = folder;; at = at.parent_path()) {
    if (os::exists(at / ".git")) return true;
    if (at == at.root_path()) return false;
  }
}

Fail failed(const Libgit2& library, const fs::path& folder) {
  const auto* error = library.error_last();
  return Fail(environment_error(Code::unavailable, "cannot ask git what it ignores in " +
                                                       os::printable(folder) + ": " +
                                                       (error ? error->message : "unknown error")));
}

}  // namespace

Result<std::vector<std::string>> ignored_in_work_tree(const fs::path& given) {
  std::error_code unknown;
  const auto folder = fs::weakly_canonical(given, unknown);
  if (unknown || !is_in_work_tree(folder)) return {};
  SLUICE_TRY(library, libgit2());
  // Reading what is ignored starts nothing, so it does not matter whose repository it is.
  library->libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
  git_repository* opened = nullptr;
  const auto code = library->repository_open_ext(&opened, folder.c_str(), 0, nullptr);
  if (code == GIT_ENOTFOUND) return {};
  if (code != 0) return failed(*library, folder);
  const std::unique_ptr<git_repository, decltype(library->repository_free)> repository(
      opened, library->repository_free);
  const char* root = library->repository_workdir(opened);
  if (root == nullptr) return {};  // bare
  auto below = folder.lexically_relative(fs::weakly_canonical(root, unknown)).generic_string();
  if (below == ".") below.clear();
  if (!below.empty()) below += '/';

  git_status_options options = GIT_STATUS_OPTIONS_INIT;
  options.show = GIT_STATUS_SHOW_WORKDIR_ONLY;
  // What is ignored in a folder that is not tracked is listed only if that folder is entered.
  options.flags = GIT_STATUS_OPT_INCLUDE_IGNORED | GIT_STATUS_OPT_INCLUDE_UNTRACKED |
                  GIT_STATUS_OPT_RECURSE_UNTRACKED_DIRS | GIT_STATUS_OPT_EXCLUDE_SUBMODULES |
                  GIT_STATUS_OPT_DISABLE_PATHSPEC_MATCH;
  char* pathspec = below.data();
  if (!below.empty()) options.pathspec = {.strings = &pathspec, .count = 1};
  git_status_list* listed = nullptr;
  if (library->status_list_new(&listed, opened, &options) != 0) return failed(*library, folder);
  const std::unique_ptr<git_status_list, decltype(library->status_list_free)> list(listed,
                                                                                   library->status_list_free);
  std::vector<std::string> ignored;
  for (std::size_t i = 0; i < library->status_list_entrycount(listed); ++i) {
    const auto* entry = library->status_byindex(listed, i);
    if (entry->status != GIT_STATUS_IGNORED || !entry->index_to_workdir) continue;
    std::string path = entry->index_to_workdir->new_file.path;
    if (!path.starts_with(below)) continue;
    path.erase(0, below.size());
    if (path.ends_with('/')) path.pop_back();
    if (!path.empty()) ignored.push_back(std::move(path));
  }
  return ignored;
}

}  // namespace sluice::stores::git
