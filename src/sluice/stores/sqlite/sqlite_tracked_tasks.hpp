#pragma once
#include <memory>

#include "sluice/ports/ledger.hpp"
#include "sluice/ports/tracked_tasks.hpp"

namespace sluice::stores {
namespace sqlite {
class LedgerFile;
}

/// Which tracked runs belong to runs of the engine, in the ledger's file. Thread-safe.
class SqliteTrackedTasks final : public ports::TrackedTasks {
 public:
  /// `durability`: of what a call has changed when it returns.
  SqliteTrackedTasks(std::shared_ptr<sqlite::LedgerFile> file, ports::Durability durability);
  ~SqliteTrackedTasks() override;

  Result<void> begin(const ports::NewTrackedRun& run, const ports::TaskPlace& place) override;
  Result<void> begin_as(const ports::NewTrackedRun& run, const ports::TaskPlace& place,
                        const Copied& copied) override;
  [[nodiscard]] Result<std::optional<ports::TaskPlace>> place_of(const std::string& workspace,
                                                                 const std::string& tracked) const override;
  [[nodiscard]] Result<std::vector<Entry>> at(const RunId& run, const std::string& path,
                                              std::size_t limit) const override;
  [[nodiscard]] Result<std::vector<Entry>> of_tasks(const RunId& run, std::size_t limit) const override;
  [[nodiscard]] Result<std::vector<Entry>> unended(const RunId& run, std::size_t limit) const override;
  [[nodiscard]] Result<std::vector<RunId>> unsettled_runs(std::size_t limit) const override;
  Result<void> settle(const RunId& run) override;
  [[nodiscard]] Result<bool> any() const override;

 private:
  std::shared_ptr<sqlite::LedgerFile> file_;
  ports::Durability durability_;
};

}  // namespace sluice::stores
