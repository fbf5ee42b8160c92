// What sweeps, backups and checks need of the ledger.
#include <fmt/format.h>

#include "sluice/base/json.hpp"
#include "sluice/os/files.hpp"
#include "sluice/stores/sqlite/columns.hpp"
#include "sluice/stores/sqlite/ledger_file.hpp"
#include "sluice/stores/sqlite/removed_records.hpp"
#include "sluice/stores/sqlite/schema.hpp"
#include "sluice/stores/sqlite/sqlite_ledger.hpp"

namespace sluice::stores {

using sqlite::blob_of;
using sqlite::Connection;
using sqlite::digest_of;
using sqlite::milliseconds;
using sqlite::time_of;

namespace {

// Rows in one read, and in one transaction: others wait for no longer than these take.
constexpr std::size_t rows_at_once = 1'000;
constexpr std::int64_t events_at_once = 5'000;
constexpr std::size_t schedules_at_once = 10;  // each may have inputs of some MiB

struct EventPage {
  std::vector<ports::LedgerStorage::StoredEvent> events;
  bool last = false;
};

/// The events that follow event `number` of `run`, of this and later runs.
Result<EventPage> events_after(Connection& connection, const RunId& run, std::int64_t number) {
  constexpr std::size_t bytes_at_once = std::size_t{16} << 20;
  SLUICE_TRY(select, connection.prepare("SELECT run, number, event, texts.text, text_at FROM events "
                                        "LEFT JOIN texts ON texts.workspace = events.workspace AND digest = "
                                        "events.text WHERE (run, number) > (?, ?) "
                                        "ORDER BY run, number LIMIT ?"));
  select.bind(run.text).bind(number).bind(static_cast<std::int64_t>(rows_at_once));
  EventPage page;
  for (std::size_t bytes = 0; bytes < bytes_at_once;) {
    SLUICE_TRY(row, select.step());
    if (!row) {
      page.last = page.events.size() < rows_at_once;
      break;
    }
    SLUICE_TRY(text, sqlite::whole_event(select, 2));
    bytes += text.size();
    page.events.push_back({.run = {select.text(0)},
                           .number = static_cast<std::uint64_t>(select.integer(1)),
                           .text = std::move(text)});
  }
  return page;
}

struct CachePage {
  std::vector<ports::UsedCacheEntry> entries;
  bool last = false;
};

Result<CachePage> entries_before(Connection& connection, const ports::UsedCacheEntry* before) {
  SLUICE_TRY(select,
             connection.prepare("SELECT workspace, key, outputs, run, path, at_ms, used_ms FROM cache WHERE "
                                "(used_ms, workspace, key) "
                                "< (?, ?, ?) ORDER BY used_ms DESC, workspace DESC, key DESC LIMIT ?"));
  const std::string workspace = before ? before->entry.workspace : "";
  const Digest key = before ? before->entry.key : Digest{};
  select.bind(before ? milliseconds(before->used) : INT64_MAX).bind(workspace).bind_blob(blob_of(key));
  select.bind(static_cast<std::int64_t>(rows_at_once));
  CachePage page;
  for (;;) {
    SLUICE_TRY(row, select.step());
    if (!row) break;
    SLUICE_TRY(digest, digest_of(select.text(1)));
    SLUICE_TRY(outputs, parse_json(select.text(2), "cached outputs"));
    page.entries.push_back({.entry = {.key = digest,
                                      .workspace = select.text(0),
                                      .outputs = std::move(outputs),
                                      .run = {select.text(3)},
                                      .path = select.text(4),
                                      .at = time_of(select.integer(5))},
                            .used = time_of(select.integer(6))});
  }
  page.last = page.entries.size() < rows_at_once;
  return page;
}

/// Removes a part of a journal, from its end: what is left is a journal. True: nothing is left.
Result<bool> remove_last_events(Connection& connection, const RunId& run) {
  SLUICE_TRY(remove, connection.prepare("DELETE FROM events WHERE run = ?1 AND number >= "
                                        "(SELECT max(number) FROM events WHERE run = ?1) - ?2"));
  SLUICE_DO(remove.bind(run.text).bind(events_at_once - 1).run());
  SLUICE_TRY(left, connection.prepare("SELECT 1 FROM events WHERE run = ? LIMIT 1"));
  SLUICE_TRY(row, left.bind(run.text).step());
  return !row;
}

/// Runs whose removal was interrupted: their row went first.
Result<std::vector<RunId>> half_removed(Connection& connection) {
  // From each run straight to the next, by the primary key.
  SLUICE_TRY(
      select,
      connection.prepare(
          "WITH RECURSIVE all_runs(id) AS (SELECT min(run) FROM events UNION ALL "
          "SELECT (SELECT min(run) FROM events WHERE run > all_runs.id) FROM all_runs WHERE id IS NOT NULL) "
          "SELECT id FROM all_runs WHERE id IS NOT NULL AND id NOT IN (SELECT id FROM runs)"));
  std::vector<RunId> out;
  for (;;) {
    SLUICE_TRY(row, select.step());
    if (!row) return out;
    out.push_back({select.text(0)});
  }
}

}  // namespace

Result<void> SqliteLedger::each_run(const std::function<Result<void>(const ports::RunRow&)>& take) const {
  std::string workspace;
  std::optional<ports::RunFilter::Position> after;
  for (;;) {
    if (!after) {  // the next workspace
      SLUICE_TRY(next, file_->read([&](Connection& connection) -> Result<std::optional<std::string>> {
        SLUICE_TRY(select, connection.prepare("SELECT min(workspace) FROM runs WHERE workspace > ?"));
        SLUICE_TRY(row, select.bind(workspace).step());
        return row && !select.is_null(0) ? std::optional(select.text(0)) : std::nullopt;
      }));
      if (!next) return {};
      workspace = *next;
    }
    SLUICE_TRY(rows, runs({.workspace = workspace,
                           .status = std::nullopt,
                           .id_prefix = std::nullopt,
                           .limit = rows_at_once,
                           .after = after}));
    for (const auto& row : rows) SLUICE_DO(take(row));
    if (rows.size() < rows_at_once)
      after.reset();
    else
      after = {.created = rows.back().created, .id = rows.back().id};
  }
}

Result<bool> SqliteLedger::has_run(const RunId& run) const {
  return file_->read([&](Connection& connection) -> Result<bool> {
    SLUICE_TRY(select, connection.prepare("SELECT 1 FROM runs WHERE id = ?"));
    return select.bind(run.text).step();
  });
}

Result<void> SqliteLedger::each_event(const std::function<bool(const RunId&)>& skip,
                                      const std::function<Result<void>(const StoredEvent&)>& take) const {
  RunId run;
  RunId skipped;
  for (std::int64_t number = -1;;) {
    SLUICE_TRY(page,
               file_->read([&](Connection& connection) { return events_after(connection, run, number); }));
    for (const auto& event : page.events) {
      if (event.run == skipped) continue;
      if (event.number == 0 && skip(event.run))
        skipped = event.run;
      else
        SLUICE_DO(take(event));
    }
    if (page.last) return {};
    run = page.events.back().run;
    // The rest of a run that is skipped is not read.
    number = run == skipped ? INT64_MAX : static_cast<std::int64_t>(page.events.back().number);
  }
}

Result<void> SqliteLedger::each_cache_entry(
    const std::function<Result<void>(const ports::UsedCacheEntry&)>& take) const {
  std::optional<ports::UsedCacheEntry> before;
  for (;;) {
    SLUICE_TRY(page, file_->read([&](Connection& connection) {
      return entries_before(connection, before ? &*before : nullptr);
    }));
    for (const auto& entry : page.entries) SLUICE_DO(take(entry));
    if (page.last) return {};
    before = std::move(page.entries.back());
  }
}

Result<void> SqliteLedger::each_artifact(const std::function<Result<void>(const NamedObject&)>& take) const {
  std::string workspace;
  std::string path;
  for (;;) {
    SLUICE_TRY(page, file_->read([&](Connection& connection) -> Result<std::vector<NamedObject>> {
      SLUICE_TRY(select,
                 connection.prepare("SELECT workspace, path, digest FROM artifacts WHERE (workspace, path) "
                                    "> (?, ?) ORDER BY workspace, path LIMIT ?"));
      const auto after_workspace = workspace;
      const auto after_path = path;
      select.bind(after_workspace).bind(after_path).bind(static_cast<std::int64_t>(rows_at_once));
      std::vector<NamedObject> found;
      for (;;) {
        SLUICE_TRY(row, select.step());
        if (!row) return found;
        SLUICE_TRY(digest, digest_of(select.text(2)));
        workspace = select.text(0);
        path = select.text(1);
        found.push_back({.workspace = workspace, .path = path, .digest = digest});
      }
    }));
    for (const auto& object : page) SLUICE_DO(take(object));
    if (page.size() < rows_at_once) return {};
  }
}

Result<void> SqliteLedger::each_kept_plan(const std::function<Result<void>(const NamedObject&)>& take) const {
  const auto read = [&](const char* sql) -> Result<void> {
    for (std::string after;;) {
      SLUICE_TRY(page, file_->read([&](Connection& connection) -> Result<std::vector<NamedObject>> {
        SLUICE_TRY(select, connection.prepare(sql));
        const auto from = after;
        select.bind(from).bind(static_cast<std::int64_t>(rows_at_once));
        std::vector<NamedObject> found;
        for (;;) {
          SLUICE_TRY(row, select.step());
          if (!row) return found;
          SLUICE_TRY(digest, digest_of(select.text(3)));
          after = select.text(0);
          found.push_back({.workspace = select.text(1), .path = select.text(2), .digest = digest});
        }
      }));
      for (const auto& object : page) SLUICE_DO(take(object));
      if (page.size() < rows_at_once) return {};
    }
  };
  SLUICE_DO(
      read("SELECT id, workspace, 'pipeline version ' || name, text FROM pipeline_versions WHERE id > ? "
           "ORDER BY id LIMIT ?"));
  return read("SELECT id, workspace, 'run ' || run, text FROM grouped_runs WHERE id > ? ORDER BY id LIMIT ?");
}

Result<void> SqliteLedger::each_dataset(const std::function<Result<void>(const NamedObject&)>& take) const {
  std::string workspace;
  std::string name;
  std::int64_t number = 0;
  for (;;) {
    SLUICE_TRY(page, file_->read([&](Connection& connection) -> Result<std::vector<NamedObject>> {
      SLUICE_TRY(select,
                 connection.prepare(
                     "SELECT workspace, name, number, digest FROM datasets WHERE (workspace, name, number) > "
                     "(?, ?, ?) AND digest IS NOT NULL ORDER BY workspace, name, number LIMIT ?"));
      const auto after = std::pair(workspace, name);
      select.bind(after.first).bind(after.second).bind(number).bind(static_cast<std::int64_t>(rows_at_once));
      std::vector<NamedObject> found;
      for (;;) {
        SLUICE_TRY(row, select.step());
        if (!row) return found;
        SLUICE_TRY(digest, digest_of(select.text(3)));
        workspace = select.text(0);
        name = select.text(1);
        number = select.integer(2);
        found.push_back(
            {.workspace = workspace, .path = fmt::format("data set {}@{}", name, number), .digest = digest});
      }
    }));
    for (const auto& object : page) SLUICE_DO(take(object));
    if (page.size() < rows_at_once) return {};
  }
}

Result<void> SqliteLedger::each_schedule(
    const std::function<Result<void>(const ScheduledObjects&)>& take) const {
  std::string id;
  for (;;) {
    SLUICE_TRY(page, file_->read([&](Connection& connection) -> Result<std::vector<ScheduledObjects>> {
      SLUICE_TRY(select,
                 connection.prepare("SELECT id, workspace, name, plan, inputs, code FROM schedules WHERE "
                                    "id > ? ORDER BY id LIMIT ?"));
      const auto after = id;
      select.bind(after).bind(static_cast<std::int64_t>(schedules_at_once));
      std::vector<ScheduledObjects> found;
      for (;;) {
        SLUICE_TRY(row, select.step());
        if (!row) return found;
        SLUICE_TRY(plan, digest_of(select.text(3)));
        id = select.text(0);
        found.push_back({.workspace = select.text(1),
                         .name = select.text(2),
                         .plan = plan,
                         .values = "[" + select.text(4) + "," + select.text(5) + "]"});
      }
    }));
    for (const auto& schedule : page) SLUICE_DO(take(schedule));
    if (page.size() < schedules_at_once) return {};
  }
}

Result<std::uint64_t> SqliteLedger::remove_runs(const std::vector<RunId>& runs) {
  std::uint64_t removed = 0;
  const auto remove_events = [this](const RunId& run) -> Result<void> {
    for (bool done = false; !done;)
      SLUICE_DO(file_->write(ports::Durability::process, [&](Connection& connection) -> Result<void> {
        SLUICE_TRY(nothing_left, remove_last_events(connection, run));
        done = nothing_left;
        return {};
      }));
    return {};
  };
  for (const auto& run : runs) {
    // The row first: nothing finds a run without one. What is left if this is interrupted is removed below.
    SLUICE_DO(file_->write(ports::Durability::process, [&](Connection& connection) -> Result<void> {
      SLUICE_TRY(remove, connection.prepare("DELETE FROM runs WHERE id = ? AND ended_ms IS NOT NULL"));
      SLUICE_DO(remove.bind(run.text).run());
      if (connection.changes() == 0) return {};
      ++removed;
      SLUICE_TRY(grouped, connection.prepare("DELETE FROM grouped_runs WHERE run = ?"));
      SLUICE_DO(grouped.bind(run.text).run());
      SLUICE_TRY(done, remove_last_events(connection, run));
      static_cast<void>(done);  // what is left of a long journal is removed below
      return {};
    }));
  }
  SLUICE_TRY(left, file_->read([](Connection& connection) { return half_removed(connection); }));
  for (const auto& run : left) SLUICE_DO(remove_events(run));
  return removed;
}

Result<void> SqliteLedger::each_removed(const std::function<Result<void>(const RemovedRecord&)>& take) const {
  using Kind = RemovedRecord::Kind;
  for (const auto kind : {Kind::run, Kind::logged_model, Kind::experiment}) {
    for (std::int64_t after = -1;;) {  // numbers of experiments begin with 0
      SLUICE_TRY(page, file_->read([&](Connection& connection) {
        return sqlite::removed_after(connection, kind, after);
      }));
      for (const auto& record : page.records) SLUICE_DO(take(record));
      if (page.is_last) break;
      after = page.last;
    }
  }
  return {};
}

Result<void> SqliteLedger::erase(const std::vector<RemovedRecord>& records, Time limit) {
  for (const auto& record : records)
    SLUICE_DO(file_->write(ports::Durability::process, [&](Connection& connection) {
      return sqlite::erase_record(connection, record, limit);
    }));
  for (bool done = false; !done;) {
    SLUICE_DO(file_->write(ports::Durability::process, [&](Connection& connection) -> Result<void> {
      SLUICE_TRY(nothing_left, sqlite::erase_leavings(connection));
      done = nothing_left;
      return {};
    }));
  }
  return {};
}

Result<void> SqliteLedger::remove_cache_entries(const std::vector<ports::UsedCacheEntry>& entries) {
  return file_->write(ports::Durability::process, [&](Connection& connection) -> Result<void> {
    for (const auto& [entry, used] : entries) {
      SLUICE_TRY(remove,
                 connection.prepare("DELETE FROM cache WHERE workspace = ? AND key = ? AND used_ms = ?"));
      SLUICE_DO(remove.bind(entry.workspace).bind_blob(blob_of(entry.key)).bind(milliseconds(used)).run());
    }
    return {};
  });
}

Result<void> SqliteLedger::finish_removal() {
  return file_->write(ports::Durability::power, [](Connection& connection) -> Result<void> {
    return connection.execute(
        "DELETE FROM texts WHERE NOT EXISTS (SELECT 1 FROM events WHERE events.text = digest AND "
        "events.workspace = texts.workspace)");
  });
}

Result<std::vector<std::string>> SqliteLedger::columns() const {
  return file_->read([](Connection& connection) -> Result<std::vector<std::string>> {
    SLUICE_TRY(select, connection.prepare(
                           "SELECT m.name || '.' || c.name FROM sqlite_master m, pragma_table_info(m.name) c "
                           "WHERE m.type = 'table' ORDER BY 1"));
    std::vector<std::string> out;
    for (;;) {
      SLUICE_TRY(row, select.step());
      if (!row) return out;
      out.push_back(select.text(0));
    }
  });
}

Result<ports::LedgerStorage::Size> SqliteLedger::size() const {
  SLUICE_TRY(free, file_->read([](Connection& connection) -> Result<std::int64_t> {
    SLUICE_TRY(pages, connection.prepare(
                          "SELECT freelist_count * page_size FROM pragma_freelist_count, pragma_page_size"));
    SLUICE_TRY(row, pages.step());
    return row ? pages.integer(0) : 0;
  }));
  Size size{.bytes = 0, .free = free};
  for (const auto* suffix : {"", "-wal", "-shm"}) {
    std::error_code missing;
    const auto bytes = std::filesystem::file_size(file_->path().string() + suffix, missing);
    if (!missing) size.bytes += static_cast<std::int64_t>(bytes);
  }
  return size;
}

Result<std::vector<std::string>> SqliteLedger::problems() const {
  return file_->read([](Connection& connection) -> Result<std::vector<std::string>> {
    SLUICE_TRY(select, connection.prepare("PRAGMA integrity_check(100)"));
    std::vector<std::string> out;
    for (;;) {
      SLUICE_TRY(row, select.step());
      if (!row) return out;
      if (auto line = select.text(0); line != "ok") out.push_back(std::move(line));
    }
  });
}

Result<void> SqliteLedger::copy(const std::filesystem::path& ledger, const std::filesystem::path& to) {
  if (!os::exists(ledger))
    return Fail(user_error(Code::not_found, ledger.string() + ": there is no ledger; name a data folder"));
  SLUICE_TRY(connection, Connection::open(ledger, Connection::Use::write));
  {
    SLUICE_TRY(copy, connection->prepare("VACUUM INTO ?"));
    SLUICE_DO(copy.bind(std::string_view(to.native())).run());
  }
  SLUICE_DO(os::fsync_file(to));
  return os::fsync_directory(to.parent_path());
}

}  // namespace sluice::stores
