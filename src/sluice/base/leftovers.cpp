#include "sluice/base/leftovers.hpp"

#include <algorithm>
#include <array>

#include "sluice/base/words.hpp"

namespace sluice {
namespace {

/// Lower case: file systems on which these appear do not distinguish it.
constexpr std::array names{
    // macOS
    ".ds_store", ".appledouble", ".lsoverride", "icon\r", ".spotlight-v100", ".trashes", ".fseventsd",
    ".temporaryitems", ".documentrevisions-v100", ".volumeicon.icns", ".apdisk", ".localized",
    // Windows
    "thumbs.db", "thumbs.db:encryptable", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "$recycle.bin",
    "system volume information",
    // Linux desktops, and network storage
    ".directory", ".trash", "lost+found", "@eadir", ".@__thumb", "#recycle", ".sync",
    // archives
    "__macosx",
    // picture programs
    ".picasa.ini", "picasa.ini", ".picasaoriginals", ".nomedia", ".thumbnails", "zbthumbnail.info",
    // editors and notebooks
    ".ipynb_checkpoints", ".virtual_documents", ".idea", ".vscode", ".vs",
    // version control
    ".git", ".hg", ".svn", ".bzr", ".jj",
    // what running Python leaves
    "__pycache__", ".venv", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".tox", ".nox",
    // what says which files are left out
    ".sluiceignore"};

/// Lower case, as the names. Long prefixes and suffixes only: people's own files must not match.
constexpr std::array prefixes{"._",       // macOS, beside every file on other file systems
                              ".trash-",  // Linux desktops
                              ".nfs0",    // files that were removed while they were open
                              ".fuse_hidden",
                              ".#",       // Emacs: a lock, a symlink to nowhere
                              "~$",       // Office
                              ".~lock.",  // LibreOffice
                              ".goutputstream-"};

/// Vim's swap files: `.a.py.swp`, `.a.py.swo`, …
bool is_swap_file(std::string_view name) {
  if (!name.starts_with('.')) return false;
  const auto dot = name.rfind('.');
  const auto extension = name.substr(dot + 1);
  return dot > 0 && extension.size() == 3 && extension.starts_with("sw") && extension[2] >= 'a' &&
         extension[2] <= 'p';
}

bool is_backup(std::string_view name) {
  return name.size() > 1 && (name.ends_with('~') || (name.starts_with('#') && name.ends_with('#')));
}

}  // namespace

bool is_leftover(std::string_view name) {
  const auto lower = lower_ascii(name);
  return std::ranges::find(names, lower) != names.end() ||
         std::ranges::any_of(prefixes, [&](std::string_view prefix) { return lower.starts_with(prefix); }) ||
         is_swap_file(lower) || is_backup(lower) || lower.ends_with(".pyc");
}

}  // namespace sluice
