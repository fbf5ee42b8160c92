#pragma once
#include <memory>

#include "sluice/ports/datasets.hpp"

namespace sluice::stores {
namespace sqlite {
class LedgerFile;
}

/// Data sets, in the ledger's file. Thread-safe, as SqliteLedger is. The cost of a call grows with what it
/// writes or returns; that of the first version of a data set with their number in the workspace.
class SqliteDatasets final : public ports::Datasets {
 public:
  explicit SqliteDatasets(std::shared_ptr<sqlite::LedgerFile> file) : file_(std::move(file)) {}

  Result<Added> add(const ports::DatasetVersion& version) override;
  Result<bool> remove(const std::string& workspace, const std::string& name, std::int64_t number) override;
  [[nodiscard]] Result<std::optional<ports::DatasetVersion>> find(
      const std::string& workspace, const std::string& name,
      const std::optional<std::int64_t>& number) const override;
  [[nodiscard]] Result<std::vector<ports::DatasetVersion>> list(const std::string& workspace,
                                                                const ports::NamePage& page) const override;
  [[nodiscard]] Result<std::vector<ports::DatasetVersion>> versions(
      const std::string& workspace, const std::string& name, const ports::VersionPage& page) const override;

 private:
  std::shared_ptr<sqlite::LedgerFile> file_;
};

}  // namespace sluice::stores
