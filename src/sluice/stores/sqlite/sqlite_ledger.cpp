#include "sluice/stores/sqlite/sqlite_ledger.hpp"

#include <algorithm>

#include "sluice/base/json.hpp"
#include "sluice/stores/sqlite/columns.hpp"
#include "sluice/stores/sqlite/grouped_run_rows.hpp"
#include "sluice/stores/sqlite/ledger_file.hpp"
#include "sluice/stores/sqlite/schedule_rows.hpp"

namespace sluice::stores {

using sqlite::blob_of;
using sqlite::Connection;
using sqlite::digest_of;
using sqlite::milliseconds;
using sqlite::Statement;
using sqlite::time_of;
using sqlite::whole_event;

namespace {

Result<void> put_row(Connection& connection, const RunId& run, const ports::RunRow& row) {
  SLUICE_TRY(statement, connection.prepare(R"sql(
    INSERT INTO runs(id, workspace, principal, name, plan, status, created_ms, ended_ms, message, schedule)
    VALUES(?,?,?,?,?,?,?,?,?,?)
    ON CONFLICT(id) DO UPDATE SET workspace=excluded.workspace, principal=excluded.principal,
      name=excluded.name, plan=excluded.plan, status=excluded.status, created_ms=excluded.created_ms,
      ended_ms=excluded.ended_ms, message=excluded.message, schedule=excluded.schedule)sql"));
  statement.bind(run.text).bind(row.principal.workspace).bind(row.principal.name).bind(row.name);
  statement.bind_blob(blob_of(row.plan)).bind(row.status).bind(milliseconds(row.created));
  if (row.ended)
    statement.bind(milliseconds(*row.ended));
  else
    statement.bind_null();
  statement.bind(row.message);
  if (row.schedule.text.empty())
    statement.bind_null();
  else
    statement.bind(row.schedule.text);
  return statement.run();
}

Result<void> put_cache_entry(Connection& connection, const ports::CacheEntry& entry,
                             const std::string& principal) {
  const auto outputs = to_json(entry.outputs);
  SLUICE_TRY(statement, connection.prepare(R"sql(
    INSERT INTO cache(workspace, key, principal, outputs, run, path, at_ms, used_ms) VALUES(?,?,?,?,?,?,?,?)
    ON CONFLICT(workspace, key) DO UPDATE SET principal=excluded.principal, outputs=excluded.outputs,
      run=excluded.run, path=excluded.path, at_ms=excluded.at_ms, used_ms=max(used_ms, excluded.used_ms)
      WHERE excluded.at_ms >= cache.at_ms)sql"));
  statement.bind(entry.workspace).bind_blob(blob_of(entry.key)).bind(principal).bind(outputs);
  statement.bind(entry.run.text).bind(entry.path).bind(milliseconds(entry.at)).bind(milliseconds(entry.at));
  return statement.run();
}

Result<void> note_use(Connection& connection, const std::string& workspace, const ports::CacheUse& use) {
  SLUICE_TRY(update, connection.prepare(
                         "UPDATE cache SET used_ms = max(used_ms, ?) WHERE workspace = ? AND key = ?"));
  return update.bind(milliseconds(use.at)).bind(workspace).bind_blob(blob_of(use.key)).run();
}

/// Stores the text that several events have in common, once. Returns its digest.
Result<Digest> put_text(Connection& connection, const Principal& principal, std::string_view text) {
  const auto digest = Digest::of(text);
  SLUICE_TRY(
      insert,
      connection.prepare(
          "INSERT INTO texts(workspace, digest, principal, text) VALUES(?,?,?,?) ON CONFLICT DO NOTHING"));
  insert.bind(principal.workspace).bind_blob(blob_of(digest)).bind(principal.name).bind(text);
  SLUICE_DO(insert.run());
  return digest;
}

Result<void> insert_event(Connection& connection, const ports::Append& append, std::size_t index) {
  const auto& event = append.events[index];
  SLUICE_TRY(insert,
             connection.prepare("INSERT INTO events(run, number, workspace, principal, event, text, text_at) "
                                "VALUES(?,?,?,?,?,?,?)"));
  insert.bind(append.run.text).bind(static_cast<std::int64_t>(append.expected_next + index));
  insert.bind(append.principal.workspace).bind(append.principal.name);
  if (!append.shared || append.shared->event != index) {
    insert.bind(event).bind_null().bind_null();
    return insert.run();
  }
  const auto& part = *append.shared;
  SLUICE_CHECK(part.offset + part.length <= event.size());
  SLUICE_TRY(
      text, put_text(connection, append.principal, std::string_view(event).substr(part.offset, part.length)));
  const auto rest = event.substr(0, part.offset) + event.substr(part.offset + part.length);
  insert.bind(rest).bind_blob(blob_of(text)).bind(static_cast<std::int64_t>(part.offset));
  return insert.run();
}

Result<std::uint64_t> length_of(Connection& connection, const RunId& run) {
  SLUICE_TRY(next, connection.prepare("SELECT max(number) + 1 FROM events WHERE run = ?"));
  SLUICE_TRY(row, next.bind(run.text).step());
  return row && !next.is_null(0) ? static_cast<std::uint64_t>(next.integer(0)) : 0;
}

Result<void> append_one(Connection& connection, const ports::Append& append) {
  SLUICE_TRY(length, length_of(connection, append.run));
  if (length != append.expected_next)
    return Fail(user_error(Code::conflict, "run " + append.run.text + ": its journal has " +
                                               std::to_string(length) + " events, not " +
                                               std::to_string(append.expected_next) +
                                               ": another engine has appended to it; read it again"));
  for (std::size_t i = 0; i < append.events.size(); ++i) SLUICE_DO(insert_event(connection, append, i));
  if (append.row) SLUICE_DO(put_row(connection, append.run, *append.row));
  for (const auto& entry : append.cache) SLUICE_DO(put_cache_entry(connection, entry, append.principal.name));
  for (const auto& use : append.used) SLUICE_DO(note_use(connection, append.principal.workspace, use));
  if (append.step) SLUICE_DO(sqlite::take_step(connection, *append.step));
  return append.group ? sqlite::put_into_group(connection, *append.group) : Result<void>();
}

Result<std::vector<std::string>> read_events(Connection& connection, const RunId& run, std::uint64_t from,
                                             std::size_t limit) {
  SLUICE_TRY(select, connection.prepare("SELECT event, texts.text, text_at FROM events LEFT JOIN texts ON "
                                        "texts.workspace = events.workspace AND digest = events.text "
                                        "WHERE run = ? AND number >= ? ORDER BY number LIMIT ?"));
  select.bind(run.text).bind(static_cast<std::int64_t>(from));
  select.bind(static_cast<std::int64_t>(std::min<std::size_t>(limit, INT64_MAX)));
  std::vector<std::string> events;
  for (;;) {
    SLUICE_TRY(row, select.step());
    if (!row) return events;
    SLUICE_TRY(event, whole_event(select, 0));
    events.push_back(std::move(event));
  }
}

Result<ports::RunRow> row_of(const Statement& select) {
  SLUICE_TRY(plan, digest_of(select.text(4)));
  ports::RunRow row{.id = {select.text(0)},
                    .principal = {.workspace = select.text(1), .name = select.text(2)},
                    .name = select.text(3),
                    .plan = plan,
                    .status = select.text(5),
                    .created = time_of(select.integer(6)),
                    .ended = std::nullopt,
                    .message = select.text(8),
                    .schedule = {select.text(9)}};
  if (!select.is_null(7)) row.ended = time_of(select.integer(7));
  return row;
}

ports::Deployment deployment_of(const Statement& select) {
  return {.endpoint = select.text(1),
          .principal = {.workspace = select.text(0), .name = select.text(2)},
          .model = select.text(3),
          .version = select.integer(4),
          .commit = select.text(5),
          .at = time_of(select.integer(6)),
          .effect_key = select.text(7)};
}

Result<std::vector<ports::Deployment>> deployments_of(Statement& select) {
  std::vector<ports::Deployment> out;
  for (;;) {
    SLUICE_TRY(has_row, select.step());
    if (!has_row) return out;
    out.push_back(deployment_of(select));
  }
}

/// The first string that is greater than every one that starts with `prefix`, in the order of bytes.
std::string end_of_prefix(const std::string& prefix) { return prefix + "\xf4\x8f\xbf\xbf"; }

}  // namespace

SqliteLedger::SqliteLedger(std::shared_ptr<sqlite::LedgerFile> file) : file_(std::move(file)) {}
SqliteLedger::~SqliteLedger() = default;

Result<std::unique_ptr<SqliteLedger>> SqliteLedger::open(const std::filesystem::path& file) {
  SLUICE_TRY(opened, sqlite::LedgerFile::open(file));
  return std::unique_ptr<SqliteLedger>(new SqliteLedger(std::move(opened)));
}

std::string SqliteLedger::library_version() { return Connection::library_version(); }

Result<void> SqliteLedger::append(const std::vector<ports::Append>& batch, ports::Durability durability) {
  return file_->write(durability, [&](Connection& connection) -> Result<void> {
    for (const auto& append : batch) SLUICE_DO(append_one(connection, append));
    return {};
  });
}

Result<std::uint64_t> SqliteLedger::length(const RunId& run) const {
  return file_->read([&](Connection& connection) { return length_of(connection, run); });
}

Result<std::vector<std::string>> SqliteLedger::read(const RunId& run, std::uint64_t from,
                                                    std::size_t limit) const {
  return file_->read([&](Connection& connection) { return read_events(connection, run, from, limit); });
}

Result<std::vector<ports::RunRow>> SqliteLedger::runs(const ports::RunFilter& filter) const {
  return file_->read([&](Connection& connection) -> Result<std::vector<ports::RunRow>> {
    // One statement for each kind of query, so that each uses its index. `by_prefix` uses the primary key,
    // from its end: ids begin with the time, and a short prefix may be that of every run.
    constexpr const char* by_time =
        "SELECT id, workspace, principal, name, plan, status, created_ms, ended_ms, message, schedule FROM "
        "runs "
        "WHERE workspace = ?1 AND (created_ms, id) < (?3, ?4) ORDER BY created_ms DESC, id DESC LIMIT ?2";
    constexpr const char* by_status =
        "SELECT id, workspace, principal, name, plan, status, created_ms, ended_ms, message, schedule FROM "
        "runs "
        "WHERE workspace = ?1 AND status = ?3 AND (created_ms, id) < (?4, ?5) "
        "ORDER BY created_ms DESC, id DESC LIMIT ?2";
    constexpr const char* by_schedule =
        "SELECT id, workspace, principal, name, plan, status, created_ms, ended_ms, message, schedule FROM "
        "runs "
        "WHERE schedule = ?3 AND ?1 IN ('', workspace) AND (created_ms, id) < (?4, ?5) "
        "AND (?6 = '' OR status = ?6) ORDER BY created_ms DESC, id DESC LIMIT ?2";
    constexpr const char* by_prefix =
        "SELECT id, workspace, principal, name, plan, status, created_ms, ended_ms, message, schedule FROM "
        "runs "
        "WHERE ?1 IN ('', workspace) AND id >= ?4 AND id < ?5 AND (?3 = '' OR status = ?3) "
        "ORDER BY id DESC LIMIT ?2";
    constexpr const char* everywhere =
        "SELECT id, workspace, principal, name, plan, status, created_ms, ended_ms, message, schedule FROM "
        "runs "
        "ORDER BY created_ms DESC, id DESC LIMIT ?2";
    // From each workspace straight to the next, and in each by its index: a server asks for what is running
    // when it starts, which are few of many.
    constexpr const char* everywhere_by_status =
        "WITH RECURSIVE workspaces(name) AS (SELECT min(workspace) FROM runs UNION ALL "
        "SELECT (SELECT min(workspace) FROM runs WHERE workspace > workspaces.name) FROM workspaces "
        "WHERE name IS NOT NULL) "
        "SELECT id, workspace, principal, runs.name, plan, status, created_ms, ended_ms, message, schedule "
        "FROM workspaces CROSS JOIN runs ON workspace = workspaces.name "
        "WHERE status = ?3 ORDER BY created_ms DESC, id DESC LIMIT ?2";
    const auto limit = static_cast<std::int64_t>(std::min<std::size_t>(filter.limit, INT64_MAX));
    const auto end = filter.id_prefix ? end_of_prefix(*filter.id_prefix) : "";
    const bool all = filter.workspace.empty();
    SLUICE_CHECK(!filter.after || (!all && !filter.id_prefix));
    SLUICE_CHECK(!filter.schedule || !filter.id_prefix);
    SLUICE_TRY(select, connection.prepare(filter.schedule    ? by_schedule
                                          : filter.id_prefix ? by_prefix
                                          : filter.status    ? (all ? everywhere_by_status : by_status)
                                                             : (all ? everywhere : by_time)));
    const auto status = filter.status ? std::string_view(*filter.status) : std::string_view();
    select.bind(filter.workspace).bind(limit);
    if (filter.schedule)
      select.bind(filter.schedule->text);
    else if (filter.status || filter.id_prefix)
      select.bind(status);
    if (filter.id_prefix) {
      select.bind(*filter.id_prefix).bind(end);
    } else if (!all || filter.schedule) {
      const auto created = filter.after ? milliseconds(filter.after->created) : INT64_MAX;
      select.bind(created).bind(filter.after ? std::string_view(filter.after->id.text) : std::string_view());
    }
    if (filter.schedule) select.bind(status);
    std::vector<ports::RunRow> rows;
    for (;;) {
      SLUICE_TRY(has_row, select.step());
      if (!has_row) return rows;
      SLUICE_TRY(row, row_of(select));
      rows.push_back(std::move(row));
    }
  });
}

Result<std::optional<ports::CacheEntry>> SqliteLedger::cached(const std::string& workspace,
                                                              const Digest& key) const {
  return file_->read([&](Connection& connection) -> Result<std::optional<ports::CacheEntry>> {
    SLUICE_TRY(select, connection.prepare(
                           "SELECT outputs, run, path, at_ms FROM cache WHERE workspace = ? AND key = ?"));
    SLUICE_TRY(has_row, select.bind(workspace).bind_blob(blob_of(key)).step());
    if (!has_row) return std::nullopt;
    SLUICE_TRY(outputs, parse_json(select.text(0), "cached outputs"));
    return ports::CacheEntry{.key = key,
                             .workspace = workspace,
                             .outputs = std::move(outputs),
                             .run = {select.text(1)},
                             .path = select.text(2),
                             .at = time_of(select.integer(3))};
  });
}

Result<void> SqliteLedger::put(const ports::Deployment& deployment) {
  return file_->write(ports::Durability::power, [&](Connection& connection) -> Result<void> {
    SLUICE_TRY(statement, connection.prepare(R"sql(
      INSERT INTO deployments(workspace, endpoint, principal, model, version, "commit", at_ms, effect_key)
      VALUES(?,?,?,?,?,?,?,?)
      ON CONFLICT(workspace, endpoint) DO UPDATE SET principal=excluded.principal, model=excluded.model,
        version=excluded.version, "commit"=excluded."commit", at_ms=excluded.at_ms,
        effect_key=excluded.effect_key)sql"));
    statement.bind(deployment.principal.workspace).bind(deployment.endpoint).bind(deployment.principal.name);
    statement.bind(deployment.model).bind(deployment.version).bind(deployment.commit);
    return statement.bind(milliseconds(deployment.at)).bind(deployment.effect_key).run();
  });
}

Result<bool> SqliteLedger::remove(const std::string& workspace, const std::string& endpoint) {
  bool removed = false;
  SLUICE_DO(file_->write(ports::Durability::power, [&](Connection& connection) -> Result<void> {
    SLUICE_TRY(statement, connection.prepare("DELETE FROM deployments WHERE workspace = ? AND endpoint = ?"));
    SLUICE_DO(statement.bind(workspace).bind(endpoint).run());
    removed = connection.changes() > 0;
    return {};
  }));
  return removed;
}

Result<std::vector<ports::Deployment>> SqliteLedger::list(const std::string& workspace,
                                                          const ports::NamePage& page) const {
  return file_->read([&](Connection& connection) -> Result<std::vector<ports::Deployment>> {
    SLUICE_TRY(select, connection.prepare(R"sql(
      SELECT workspace, endpoint, principal, model, version, "commit", at_ms, effect_key FROM deployments
      WHERE workspace = ? AND endpoint > ? ORDER BY endpoint LIMIT ?)sql"));
    select.bind(workspace).bind(page.after);
    select.bind(static_cast<std::int64_t>(std::min<std::size_t>(page.limit, INT64_MAX)));
    return deployments_of(select);
  });
}

Result<std::vector<ports::Deployment>> SqliteLedger::all() const {
  return file_->read([&](Connection& connection) -> Result<std::vector<ports::Deployment>> {
    SLUICE_TRY(select, connection.prepare(R"sql(
      SELECT workspace, endpoint, principal, model, version, "commit", at_ms, effect_key FROM deployments
      )sql"));
    return deployments_of(select);
  });
}

Result<std::optional<ports::Deployment>> SqliteLedger::find(const std::string& workspace,
                                                            const std::string& endpoint) const {
  return file_->read([&](Connection& connection) -> Result<std::optional<ports::Deployment>> {
    SLUICE_TRY(select, connection.prepare(R"sql(
      SELECT workspace, endpoint, principal, model, version, "commit", at_ms, effect_key FROM deployments
      WHERE workspace = ? AND endpoint = ?)sql"));
    SLUICE_TRY(has_row, select.bind(workspace).bind(endpoint).step());
    if (!has_row) return std::nullopt;
    return deployment_of(select);
  });
}

Result<void> SqliteLedger::rebuild_projections(const Project& project) {
  return file_->write(ports::Durability::power, [&](Connection& connection) -> Result<void> {
    SLUICE_DO(connection.execute("DELETE FROM runs; DELETE FROM cache"));
    for (RunId run;;) {
      {
        // Seeks directly from each run to the next: the events of a run are not read twice.
        SLUICE_TRY(next, connection.prepare("SELECT run FROM events WHERE run > ? ORDER BY run LIMIT 1"));
        const auto after = run.text;
        SLUICE_TRY(has_row, next.bind(after).step());
        if (!has_row) return {};
        run.text = next.text(0);
      }
      SLUICE_TRY(events, read_events(connection, run, 0, SIZE_MAX));
      auto projection = project(run, events);
      if (!projection) return Fail(std::move(projection).error().at("run " + run.text));
      SLUICE_DO(put_row(connection, run, projection->row));
      for (const auto& entry : projection->cache)
        SLUICE_DO(put_cache_entry(connection, entry, projection->row.principal.name));
    }
  });
}

}  // namespace sluice::stores
