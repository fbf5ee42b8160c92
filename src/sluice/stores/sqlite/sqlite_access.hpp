#pragma once
#include <memory>

#include "sluice/ports/access.hpp"

namespace sluice::stores {
namespace sqlite {
class LedgerFile;
}

/// Tokens and the log of changes, in the ledger's file. Thread-safe, as SqliteLedger is.
class SqliteAccess final : public ports::Tokens, public ports::ChangeLog {
 public:
  explicit SqliteAccess(std::shared_ptr<sqlite::LedgerFile> file) : file_(std::move(file)) {}

  Result<void> add_token(const ports::Token& token) override;
  Result<bool> remove_token(const std::string& name) override;
  [[nodiscard]] Result<std::vector<ports::Token>> tokens() const override;

  Result<void> add_change(const ports::Change& change) override;
  [[nodiscard]] Result<std::vector<ports::Change>> changes(std::int64_t before,
                                                           std::size_t limit) const override;

 private:
  std::shared_ptr<sqlite::LedgerFile> file_;
};

}  // namespace sluice::stores
