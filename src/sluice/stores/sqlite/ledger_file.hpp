#pragma once
#include <filesystem>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "sluice/ports/ledger.hpp"
#include "sluice/stores/sqlite/connection.hpp"

namespace sluice::stores::sqlite {

/// The connections to a ledger's file: one that writes, and some that read. Thread-safe: writers wait for one
/// another, readers never wait.
class LedgerFile {
 public:
  /// Creates the file if it is missing, and migrates its tables (prepare_schema).
  static Result<std::unique_ptr<LedgerFile>> open(const std::filesystem::path& file);

  /// Returns `work(connection)`, called with a reader of its own, which sees one state of the file.
  template <typename Work>
  auto read(Work work) -> decltype(work(std::declval<Connection&>())) {
    SLUICE_TRY(reader, acquire_reader());
    auto result = [&]() -> decltype(work(*reader)) {
      SLUICE_TRY(snapshot, Snapshot::begin(*reader));
      return work(*reader);
    }();
    release_reader(std::move(reader));
    return result;
  }
  /// Calls `work(connection)` in one transaction.
  template <typename Work>
  Result<void> write(ports::Durability durability, Work work) {
    const std::scoped_lock lock(writing_);
    const bool synced = durability == ports::Durability::power;
    // The setting cannot change inside a transaction.
    if (synced) SLUICE_DO(writer_->execute("PRAGMA synchronous=FULL"));
    auto result = [&]() -> Result<void> {
      SLUICE_TRY(transaction, Transaction::begin(*writer_));
      SLUICE_DO(work(*writer_));
      return transaction.commit();
    }();
    if (synced && result) return writer_->execute("PRAGMA synchronous=NORMAL");
    if (synced) static_cast<void>(writer_->execute("PRAGMA synchronous=NORMAL"));
    return result;
  }

  [[nodiscard]] const std::filesystem::path& path() const { return file_; }

 private:
  LedgerFile(std::filesystem::path file, std::unique_ptr<Connection> writer)
      : file_(std::move(file)), writer_(std::move(writer)) {}
  Result<std::unique_ptr<Connection>> acquire_reader();
  void release_reader(std::unique_ptr<Connection> reader);

  std::filesystem::path file_;
  std::mutex writing_;
  std::unique_ptr<Connection> writer_;
  std::mutex reading_;  ///< guards the list only; each reader is used by one thread at a time
  std::vector<std::unique_ptr<Connection>> idle_readers_;
};

}  // namespace sluice::stores::sqlite
