#pragma once
#include <filesystem>
#include <functional>
#include <memory>

#include "sluice/ports/ledger.hpp"
#include "sluice/ports/storage.hpp"

namespace sluice::stores {
namespace sqlite {
class LedgerFile;
}

/// Journals, their projections and deployments in one SQLite file. Thread-safe: writers wait for one another,
/// each call is one transaction; readers never wait.
///
/// The cost of a call grows with what it writes or returns, not with the number of runs, except for these:
/// `runs` with an id prefix passes over the runs of other workspaces, and of other states, whose ids begin
/// with it; `runs` of all workspaces looks at each workspace and every run with the status asked for, or at
/// every run where none is; `all` returns every deployment; `rebuild_projections` reads every journal.
class SqliteLedger final : public ports::Journal,
                           public ports::RunIndex,
                           public ports::Deployments,
                           public ports::LedgerStorage {
 public:
  /// Creates the file if it is missing. Code::failed_precondition for a file that a newer Sluice or another
  /// program wrote; Code::data_loss for one that is not a database.
  static Result<std::unique_ptr<SqliteLedger>> open(const std::filesystem::path& file);
  ~SqliteLedger() override;

  Result<void> append(const std::vector<ports::Append>& batch, ports::Durability durability) override;
  [[nodiscard]] Result<std::uint64_t> length(const RunId& run) const override;
  /// Empty for an unknown run.
  [[nodiscard]] Result<std::vector<std::string>> read(const RunId& run, std::uint64_t from = 0,
                                                      std::size_t limit = SIZE_MAX) const override;

  [[nodiscard]] Result<std::vector<ports::RunRow>> runs(const ports::RunFilter& filter) const override;
  [[nodiscard]] Result<std::optional<ports::CacheEntry>> cached(const std::string& workspace,
                                                                const Digest& key) const override;

  Result<void> put(const ports::Deployment& deployment) override;
  Result<bool> remove(const std::string& workspace, const std::string& endpoint) override;
  [[nodiscard]] Result<std::vector<ports::Deployment>> list(const std::string& workspace,
                                                            const ports::NamePage& page) const override;
  [[nodiscard]] Result<std::vector<ports::Deployment>> all() const override;
  [[nodiscard]] Result<std::optional<ports::Deployment>> find(const std::string& workspace,
                                                              const std::string& endpoint) const override;

  // For sweeps (ledger_storage.cpp).
  Result<void> each_run(const std::function<Result<void>(const ports::RunRow&)>& take) const override;
  [[nodiscard]] Result<bool> has_run(const RunId& run) const override;
  Result<void> each_event(const std::function<bool(const RunId&)>& skip,
                          const std::function<Result<void>(const StoredEvent&)>& take) const override;
  Result<void> each_cache_entry(
      const std::function<Result<void>(const ports::UsedCacheEntry&)>& take) const override;
  Result<void> each_artifact(const std::function<Result<void>(const NamedObject&)>& take) const override;
  Result<void> each_kept_plan(const std::function<Result<void>(const NamedObject&)>& take) const override;
  Result<void> each_dataset(const std::function<Result<void>(const NamedObject&)>& take) const override;
  Result<void> each_schedule(const std::function<Result<void>(const ScheduledObjects&)>& take) const override;
  Result<std::uint64_t> remove_runs(const std::vector<RunId>& runs) override;
  Result<void> each_removed(const std::function<Result<void>(const RemovedRecord&)>& take) const override;
  Result<void> erase(const std::vector<RemovedRecord>& records, Time limit) override;
  Result<void> remove_cache_entries(const std::vector<ports::UsedCacheEntry>& entries) override;
  Result<void> finish_removal() override;
  [[nodiscard]] Result<std::vector<std::string>> columns() const override;
  [[nodiscard]] Result<Size> size() const override;
  [[nodiscard]] Result<std::vector<std::string>> problems() const override;
  /// Writes a copy of the ledger as it is now to a new file, synced. The ledger may be in use by others.
  static Result<void> copy(const std::filesystem::path& ledger, const std::filesystem::path& to);

  /// The projection of one whole journal: the row, and every cache entry that its events created.
  struct Projection {
    ports::RunRow row;
    std::vector<ports::CacheEntry> cache;
  };
  using Project = std::function<Result<Projection>(const RunId& run, const std::vector<std::string>& events)>;
  /// Deletes all rows of runs and cache entries and rebuilds them from the journals, in one transaction: all
  /// or nothing. `project` computes them (the ledger does not interpret events). Writers wait meanwhile.
  Result<void> rebuild_projections(const Project& project);

  /// "3.40.1"
  static std::string library_version();
  /// The connections, for other tables of the same file.
  [[nodiscard]] std::shared_ptr<sqlite::LedgerFile> file() const { return file_; }

 private:
  explicit SqliteLedger(std::shared_ptr<sqlite::LedgerFile> file);
  std::shared_ptr<sqlite::LedgerFile> file_;
};

}  // namespace sluice::stores
