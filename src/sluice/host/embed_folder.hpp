#pragma once
#include <filesystem>

#include "sluice/host/embedder.hpp"
#include "sluice/host/features.hpp"

namespace sluice::host {

/// Features of every picture below `pictures`, in the order of their relative paths (by bytes, "/" between
/// folders). Names that begin with a dot, and files that are pictures neither by extension nor by their first
/// bytes, are skipped. Blocks. A picture that cannot be read, or a folder without any, is an error that
/// names it; of several errors, the first in order is returned.
Result<Features> embed_folder(Embedder& embedder, const std::filesystem::path& pictures);

}  // namespace sluice::host
