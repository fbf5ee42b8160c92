#pragma once
#include <memory>

#include "sluice/ports/ledger.hpp"
#include "sluice/ports/model_registry.hpp"

namespace sluice::stores {
namespace sqlite {
class LedgerFile;
}

/// The cache of the model registry, in the ledger's file. Thread-safe.
class SqliteModelIndex final : public ports::ModelIndex {
 public:
  explicit SqliteModelIndex(std::shared_ptr<sqlite::LedgerFile> file) : file_(std::move(file)) {}
  [[nodiscard]] Result<std::map<ports::ModelPlace, std::string>> marks() const override;
  Result<void> put(const std::vector<ports::RegisteredContent>& contents) override;
  Result<void> remove(const ports::ModelPlace& place) override;
  [[nodiscard]] Result<std::vector<ports::RegisteredModel>> models(const std::string& workspace,
                                                                   const Query& query) const override;
  [[nodiscard]] Result<std::vector<ports::RegisteredVersion>> versions(const std::string& workspace,
                                                                       const Query& query) const override;

 private:
  std::shared_ptr<sqlite::LedgerFile> file_;
};

}  // namespace sluice::stores
