#pragma once
#include <memory>

#include "sluice/ports/artifacts.hpp"
#include "sluice/ports/ledger.hpp"

namespace sluice::stores {
namespace sqlite {
class LedgerFile;
}

/// Paths of artifacts, in the ledger's file. Thread-safe.
class SqliteArtifactPaths final : public ports::ArtifactPaths {
 public:
  SqliteArtifactPaths(std::shared_ptr<sqlite::LedgerFile> file, ports::Durability durability)
      : file_(std::move(file)), durability_(durability) {}
  Result<void> put(const Principal& principal, const ports::ArtifactFile& file, Time at) override;
  [[nodiscard]] Result<std::optional<ports::ArtifactFile>> find(const std::string& workspace,
                                                                const std::string& path) const override;
  [[nodiscard]] Result<std::vector<ports::ArtifactEntry>> list(const std::string& workspace,
                                                               const std::string& folder,
                                                               const std::string& after,
                                                               std::size_t limit) const override;
  Result<std::int64_t> remove(const std::string& workspace, const std::string& path) override;

 private:
  std::shared_ptr<sqlite::LedgerFile> file_;
  ports::Durability durability_;
};

}  // namespace sluice::stores
