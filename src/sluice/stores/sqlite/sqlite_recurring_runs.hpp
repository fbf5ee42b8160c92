#pragma once
#include <memory>

#include "sluice/ports/pipelines.hpp"

namespace sluice::stores {
namespace sqlite {
class LedgerFile;
}

/// Schedules whose runs are put into groups, in the ledger's file. Thread-safe.
class SqliteRecurringRuns final : public ports::RecurringRuns {
 public:
  explicit SqliteRecurringRuns(std::shared_ptr<sqlite::LedgerFile> file) : file_(std::move(file)) {}

  [[nodiscard]] Result<std::optional<ports::RecurringRun>> recurring_run(
      const std::string& workspace, const std::string& id) const override;
  [[nodiscard]] Result<ports::ListPage<ports::RecurringRun>> recurring_runs(
      const std::string& workspace, const std::string& group, const ports::ListQuery& query) const override;

 private:
  std::shared_ptr<sqlite::LedgerFile> file_;
};

}  // namespace sluice::stores
