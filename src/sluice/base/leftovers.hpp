#pragma once
#include <string_view>

namespace sluice {

/// Whether a file or folder of this name (without its folder) is something that an operating system, an
/// archive, an editor, a notebook or a version control system leaves beside people's files: `.DS_Store`,
/// `Thumbs.db`, `__MACOSX`, `.ipynb_checkpoints`, `.git`, … It belongs neither to a data set nor to code.
/// The list is in docs/pictures-and-folders.md.
bool is_leftover(std::string_view name);

}  // namespace sluice
