#pragma once
#include <memory>

#include "sluice/ports/ledger.hpp"
#include "sluice/ports/logged_models.hpp"

namespace sluice::stores {
namespace sqlite {
class LedgerFile;
}

/// Logged models, in the ledger's file. Thread-safe.
class SqliteLoggedModels final : public ports::LoggedModels {
 public:
  SqliteLoggedModels(std::shared_ptr<sqlite::LedgerFile> file, ports::Durability durability)
      : file_(std::move(file)), durability_(durability) {}
  Result<void> create_model(const Principal& principal, const ports::LoggedModel& model) override;
  [[nodiscard]] Result<ports::LoggedModel> model(const std::string& workspace,
                                                 const std::string& id) const override;
  Result<ports::LoggedModel> change_model(const std::string& workspace, const std::string& id,
                                          const ports::LoggedModelChange& change) override;
  Result<void> add_metrics(const std::string& id,
                           const std::vector<ports::LoggedModelMetric>& metrics) override;
  [[nodiscard]] Result<std::vector<ports::LoggedModel>> models(
      const std::string& workspace, const std::vector<std::int64_t>& experiments, const ports::Search& search,
      const std::vector<DatasetFilter>& datasets) const override;

 private:
  std::shared_ptr<sqlite::LedgerFile> file_;
  ports::Durability durability_;
};

}  // namespace sluice::stores
