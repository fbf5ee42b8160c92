#pragma once
#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include "sluice/ports/ledger.hpp"
#include "sluice/stores/sqlite/connection.hpp"

namespace sluice::stores::sqlite {

/// The connections to a ledger's file: one that writes, and some that read. Thread-safe: writers wait for one
/// another, readers never wait. SQLite's log is written back to the file by a thread, since that waits for
/// the disk; it begins when the log is long for the first time.
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
    const bool synced = durability == ports::Durability::power;
    const Syncing syncing(synced ? &syncing_ : nullptr);
    const std::scoped_lock lock(writing_);
    // The setting cannot change inside a transaction.
    if (synced) SLUICE_DO(writer_->execute("PRAGMA synchronous=FULL"));
    auto result = [&]() -> Result<void> {
      SLUICE_TRY(transaction, Transaction::begin(*writer_));
      SLUICE_DO(work(*writer_));
      return transaction.commit();
    }();
    if (synced) {
      auto reset = writer_->execute("PRAGMA synchronous=NORMAL");
      if (result) result = std::move(reset);
    }
    write_back_if_long();
    return result;
  }

  /// Whether a write that is not synced would wait for one that is.
  [[nodiscard]] bool is_syncing() const { return syncing_ > 0; }

  [[nodiscard]] const std::filesystem::path& path() const { return file_; }

 private:
  struct Syncing {
    explicit Syncing(std::atomic<int>* writers) : writers_(writers) {
      if (writers_ != nullptr) ++*writers_;
    }
    ~Syncing() {
      if (writers_ != nullptr) --*writers_;
    }
    Syncing(const Syncing&) = delete;
    Syncing& operator=(const Syncing&) = delete;

   private:
    std::atomic<int>* writers_;
  };
  LedgerFile(std::filesystem::path file, std::unique_ptr<Connection> writer)
      : file_(std::move(file)), writer_(std::move(writer)) {}
  Result<std::unique_ptr<Connection>> acquire_reader();
  void release_reader(std::unique_ptr<Connection> reader);

  /// Has the log written back to the file: by a thread, or here if that cannot keep up.
  void write_back_if_long();
  void write_back(const std::stop_token& stop);

  std::filesystem::path file_;
  std::atomic<int> syncing_{0};  ///< synced writes that are under way or wait
  std::mutex writing_;
  std::unique_ptr<Connection> writer_;
  int pages_seen_ = 0;  ///< of the log, when it was last written back; guarded by `writing_`
  std::mutex reading_;  ///< guards the list only; each reader is used by one thread at a time
  std::vector<std::unique_ptr<Connection>> idle_readers_;
  std::mutex logging_;  ///< guards the flag
  bool log_is_long_ = false;
  std::condition_variable_any log_grew_;
  std::jthread writes_back_;  ///< last: it uses the others
};

}  // namespace sluice::stores::sqlite
