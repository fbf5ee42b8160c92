#include "sluice/stores/sqlite/ledger_file.hpp"

#include "sluice/base/log.hpp"
#include "sluice/os/files.hpp"
#include "sluice/stores/sqlite/schema.hpp"

namespace sluice::stores::sqlite {
namespace {

constexpr std::size_t idle_readers_max = 8;
/// In the log: with each so many more they are written back, and from so many on whoever writes does it.
/// (A page that was changed several times is written back once.)
constexpr int pages_to_write_back = 4'000;
constexpr int pages_max = 25'000;

}  // namespace

Result<std::unique_ptr<LedgerFile>> LedgerFile::open(const std::filesystem::path& file) {
  const bool is_new = !os::exists(file);
  SLUICE_TRY(writer, Connection::open(file, Connection::Use::write));
  SLUICE_DO(prepare_schema(*writer, file));
  writer->follow_log();
  // SQLite syncs the file, but not its name in the folder.
  if (is_new)
    SLUICE_DO(os::fsync_directory(file.has_parent_path() ? file.parent_path() : std::filesystem::path(".")));
  return std::unique_ptr<LedgerFile>(new LedgerFile(file, std::move(writer)));
}

Result<std::unique_ptr<Connection>> LedgerFile::acquire_reader() {
  {
    const std::scoped_lock lock(reading_);
    if (!idle_readers_.empty()) {
      auto reader = std::move(idle_readers_.back());
      idle_readers_.pop_back();
      return reader;
    }
  }
  return Connection::open(file_, Connection::Use::read);
}

void LedgerFile::write_back_if_long() {
  const int pages = writer_->log_pages();
  if (pages < pages_seen_) pages_seen_ = 0;  // the log has begun anew
  // Not at each write from then on: what arrives while the thread works keeps the log from beginning anew,
  // and writing back a few pages waits for the disk as long as many do.
  if (pages < pages_seen_ + pages_to_write_back) return;
  pages_seen_ = pages;
  if (pages >= pages_max) {
    if (const auto done = writer_->query_value("PRAGMA wal_checkpoint(PASSIVE)"); !done)
      log::warning("the ledger's log is not written back: " + done.error().message);
    return;
  }
  const std::scoped_lock lock(logging_);
  log_is_long_ = true;
  log_grew_.notify_one();
  if (!writes_back_.joinable())
    writes_back_ = std::jthread([this](const std::stop_token& stop) { write_back(stop); });
}

void LedgerFile::write_back(const std::stop_token& stop) {
  auto connection = Connection::open(file_, Connection::Use::write);
  if (!connection) return log::warning("the ledger's log is not written back: " + connection.error().message);
  for (;;) {
    {
      std::unique_lock lock(logging_);
      if (!log_grew_.wait(lock, stop, [this] { return log_is_long_; })) return;
      log_is_long_ = false;
    }
    if (const auto done = (*connection)->query_value("PRAGMA wal_checkpoint(PASSIVE)"); !done)
      log::warning("the ledger's log is not written back: " + done.error().message);
  }
}

void LedgerFile::release_reader(std::unique_ptr<Connection> reader) {
  const std::scoped_lock lock(reading_);
  if (idle_readers_.size() < idle_readers_max) idle_readers_.push_back(std::move(reader));
}

}  // namespace sluice::stores::sqlite
