#include "sluice/domain/tracking/moving_artifacts.hpp"

#include "sluice/domain/tracking/tracking.hpp"

namespace sluice::tracking {

std::string ArtifactFilesTarget::uri_of(const std::string& folder) const {
  return std::string(artifact_root) + folder;
}

Result<std::optional<ports::ArtifactFile>> ArtifactFilesTarget::find(const std::string& path) {
  auto found = files_.find(principal_, path);
  if (found) return std::move(*found);
  // A folder of that name is refused when the file is put.
  if (found.error().code == Code::not_found || found.error().code == Code::invalid_argument)
    return std::nullopt;
  return Fail(std::move(found).error());
}

Result<ports::ArtifactFile> ArtifactFilesTarget::put(
    const std::string& path, const std::function<Result<void>(const ports::Take<std::string_view>&)>& fill) {
  return files_.put(principal_, path, fill);
}

}  // namespace sluice::tracking
