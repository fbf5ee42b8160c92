#pragma once
#include <memory>

#include "sluice/ports/schedules.hpp"

namespace sluice::stores {
namespace sqlite {
class LedgerFile;
}

/// Schedules, in the ledger's file: a run that one starts is stored with its step by SqliteLedger::append.
/// Thread-safe, as SqliteLedger is. The cost of a call grows with what it writes or returns; that of `add`
/// with the number of schedules in the workspace.
class SqliteSchedules final : public ports::Schedules {
 public:
  explicit SqliteSchedules(std::shared_ptr<sqlite::LedgerFile> file) : file_(std::move(file)) {}

  Result<void> add(const ports::Schedule& schedule) override;
  Result<bool> remove(const ScheduleId& id) override;
  Result<bool> set_enabled(const ScheduleId& id, bool enabled, std::optional<Time> due, Time at) override;
  Result<void> set_problem(const ScheduleId& id, const std::string& problem) override;
  [[nodiscard]] Result<std::optional<ports::Schedule>> find(const ScheduleId& id) const override;
  [[nodiscard]] Result<std::optional<ports::Schedule>> find(const std::string& workspace,
                                                            const std::string& name) const override;
  [[nodiscard]] Result<std::vector<ports::ScheduleRow>> list(const std::string& workspace,
                                                             const ports::NamePage& page) const override;
  Result<void> each_due(const std::function<void(const ScheduleId&, Time due)>& take) const override;
  [[nodiscard]] Result<std::int64_t> running(const ScheduleId& id) const override;

 private:
  std::shared_ptr<sqlite::LedgerFile> file_;
};

}  // namespace sluice::stores
