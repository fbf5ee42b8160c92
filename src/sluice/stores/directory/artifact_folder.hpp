#pragma once
#include <filesystem>

#include "sluice/ports/moving.hpp"

namespace sluice::stores {

/// A folder that artifacts are copied into.
class ArtifactFolder final : public ports::ArtifactTarget {
 public:
  explicit ArtifactFolder(std::filesystem::path root) : root_(std::move(root)) {}
  [[nodiscard]] std::string uri_of(const std::string& folder) const override;
  /// Reads all of the file.
  Result<std::optional<ports::ArtifactFile>> find(const std::string& path) override;
  /// Without their digests.
  Result<std::vector<ports::ArtifactFile>> files_at(const std::string& uri) override;
  Result<ports::ArtifactFile> put_content(
      const std::string& path,
      const std::function<Result<void>(const ports::Take<std::string_view>&)>& fill) override {
    return put(path, fill);
  }
  Result<ports::ArtifactFile> put(
      const std::string& path,
      const std::function<Result<void>(const ports::Take<std::string_view>&)>& fill) override;

 private:
  std::filesystem::path root_;
};

}  // namespace sluice::stores
