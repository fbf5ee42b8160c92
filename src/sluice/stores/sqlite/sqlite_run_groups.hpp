#pragma once
#include <memory>

#include "sluice/ports/pipelines.hpp"

namespace sluice::stores {
namespace sqlite {
class LedgerFile;
}

/// Groups of runs, in the ledger's file. What a call has changed survives the death of any process.
/// Thread-safe.
class SqliteRunGroups final : public ports::RunGroups {
 public:
  explicit SqliteRunGroups(std::shared_ptr<sqlite::LedgerFile> file);
  ~SqliteRunGroups() override;

  Result<void> add_group(const ports::RunGroup& group) override;
  [[nodiscard]] Result<std::optional<ports::RunGroup>> group(const std::string& workspace,
                                                             const std::string& id) const override;
  [[nodiscard]] Result<std::optional<ports::RunGroup>> group_named(const std::string& workspace,
                                                                   const std::string& name) const override;
  [[nodiscard]] Result<ports::ListPage<ports::RunGroup>> groups(const std::string& workspace,
                                                                const ports::ListQuery& query) const override;
  Result<bool> archive_group(const std::string& workspace, const std::string& id, bool archived) override;
  Result<bool> remove_group(const std::string& workspace, const std::string& id) override;

  [[nodiscard]] Result<std::optional<ports::GroupedRun>> run(const std::string& workspace,
                                                             const std::string& id) const override;
  [[nodiscard]] Result<ports::ListPage<ports::GroupedRun>> runs(const std::string& workspace,
                                                                const std::string& group,
                                                                const ports::ListQuery& query) const override;
  Result<bool> archive_run(const std::string& workspace, const std::string& id, bool archived) override;
  Result<bool> note_cancellation(const std::string& workspace, const std::string& id, Time at) override;
  Result<bool> remove_run(const std::string& workspace, const std::string& id) override;

 private:
  std::shared_ptr<sqlite::LedgerFile> file_;
};

}  // namespace sluice::stores
