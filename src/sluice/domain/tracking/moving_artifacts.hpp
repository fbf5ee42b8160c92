#pragma once
#include "sluice/domain/tracking/artifact_files.hpp"
#include "sluice/ports/moving.hpp"

namespace sluice::tracking {

/// The platform's own artifacts, as where files of others go.
class ArtifactFilesTarget final : public ports::ArtifactTarget {
 public:
  ArtifactFilesTarget(ArtifactFiles& files, Principal principal)
      : files_(files), principal_(std::move(principal)) {}
  [[nodiscard]] std::string uri_of(const std::string& folder) const override;
  Result<std::optional<ports::ArtifactFile>> find(const std::string& path) override;
  Result<std::vector<ports::ArtifactFile>> files_at(const std::string& uri) override;
  Result<ports::ArtifactFile> put(
      const std::string& path,
      const std::function<Result<void>(const ports::Take<std::string_view>&)>& fill) override;
  /// An object alone.
  Result<ports::ArtifactFile> put_content(
      const std::string& path,
      const std::function<Result<void>(const ports::Take<std::string_view>&)>& fill) override;

 private:
  ArtifactFiles& files_;
  Principal principal_;
};

}  // namespace sluice::tracking
