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

Result<std::vector<ports::ArtifactFile>> ArtifactFilesTarget::files_at(const std::string& uri) {
  std::vector<ports::ArtifactFile> out;
  if (!uri.starts_with(artifact_root)) return out;
  auto root = uri.substr(artifact_root.size());
  root.erase(0, root.find_first_not_of('/'));
  while (root.ends_with('/')) root.pop_back();
  return files_.files_below(principal_, root);
}

Result<ports::ArtifactFile> ArtifactFilesTarget::put_content(
    const std::string& /*path*/,
    const std::function<Result<void>(const ports::Take<std::string_view>&)>& fill) {
  return files_.put_object(fill);
}

Result<ports::ArtifactFile> ArtifactFilesTarget::put(
    const std::string& path, const std::function<Result<void>(const ports::Take<std::string_view>&)>& fill) {
  return files_.put(principal_, path, fill);
}

}  // namespace sluice::tracking
