#pragma once
#include <filesystem>
#include <set>
#include <string>

#include "sluice/ports/moving.hpp"

namespace sluice::stores {

/// Artifacts of MLflow that are files on this machine.
class LocalArtifacts final : public ports::ArtifactSource {
 public:
  struct Folders {
    std::filesystem::path base;    ///< where relative addresses begin
    std::filesystem::path served;  ///< what a server kept at `mlflow-artifacts:/`
    /// A folder with those of runs, in case that it was moved since their addresses were written; "": none.
    std::filesystem::path moved = {};
  };
  explicit LocalArtifacts(Folders folders) : folders_(std::move(folders)) {}

  Result<void> list(const std::string& uri, const ports::Take<const File&>& take) override;
  Result<void> read(const std::string& uri, const std::string& path,
                    const ports::Take<std::string_view>& take) override;
  Result<bool> is_still(const std::string& uri, const File& file, const ports::ArtifactFile& moved) override;

 private:
  [[nodiscard]] Result<std::filesystem::path> folder_of(const std::string& uri) const;
  Folders folders_;
  std::set<std::string> missing_;  ///< what was said of missing folders
};

}  // namespace sluice::stores
