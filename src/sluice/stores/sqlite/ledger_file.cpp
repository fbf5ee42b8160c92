#include "sluice/stores/sqlite/ledger_file.hpp"

#include "sluice/os/files.hpp"
#include "sluice/stores/sqlite/schema.hpp"

namespace sluice::stores::sqlite {
namespace {

constexpr std::size_t idle_readers_max = 8;

}  // namespace

Result<std::unique_ptr<LedgerFile>> LedgerFile::open(const std::filesystem::path& file) {
  const bool is_new = !os::exists(file);
  SLUICE_TRY(writer, Connection::open(file, Connection::Use::write));
  SLUICE_DO(prepare_schema(*writer, file));
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

void LedgerFile::release_reader(std::unique_ptr<Connection> reader) {
  const std::scoped_lock lock(reading_);
  if (idle_readers_.size() < idle_readers_max) idle_readers_.push_back(std::move(reader));
}

}  // namespace sluice::stores::sqlite
