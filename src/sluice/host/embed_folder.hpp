#pragma once
#include <filesystem>
#include <functional>

#include "sluice/host/embedder.hpp"
#include "sluice/host/features.hpp"

namespace sluice::host {

/// Features of every picture below `pictures`, in the order of their relative paths (by bytes, "/" between
/// folders). Names that begin with a dot, and files that are pictures neither by extension nor by their first
/// bytes, are skipped. Blocks. A picture that cannot be read, or a folder without any, is an error that
/// names it; of several errors, the first in order is returned. `progress` is called after each picture, with
/// the number of those that are done and of all, on threads of the embedder.
Result<Features> embed_folder(Embedder& embedder, const std::filesystem::path& pictures,
                              const std::function<void(std::size_t done, std::size_t total)>& progress);

}  // namespace sluice::host
