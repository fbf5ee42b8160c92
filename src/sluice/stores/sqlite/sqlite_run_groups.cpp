#include "sluice/stores/sqlite/sqlite_run_groups.hpp"

#include <array>

#include <fmt/format.h>

#include "sluice/base/json.hpp"
#include "sluice/stores/sqlite/columns.hpp"
#include "sluice/stores/sqlite/grouped_run_rows.hpp"
#include "sluice/stores/sqlite/ledger_file.hpp"
#include "sluice/stores/sqlite/list_sql.hpp"

namespace sluice::stores {

using sqlite::Connection;
using sqlite::ListColumn;
using sqlite::milliseconds;
using sqlite::SqlText;
using sqlite::Statement;
using sqlite::time_of;

namespace {

constexpr auto group_attributes = std::to_array<ListColumn>({
    {.key = "id", .sql = "id", .rare = true},
    {.key = "name", .sql = "lower(name)", .folded = true, .rare = true},
    {.key = "description", .sql = "lower(description)", .folded = true},
    {.key = "created_at", .sql = "created_ms", .is_text = false},
    {.key = "last_run_created_at",
     .sql = "coalesce((SELECT max(created_ms) FROM grouped_runs WHERE in_group = run_groups.id), 0)",
     .is_text = false},
    {.key = "archived", .sql = "archived", .is_text = false},
});
constexpr sqlite::ListTable group_table{
    .columns =
        "id, workspace, principal, name, description, archived, created_ms, "
        "(SELECT max(created_ms) FROM grouped_runs WHERE in_group = run_groups.id)",
    .from = "run_groups",
    .first = "run_groups",
    .id = "id",
    .attributes = group_attributes};

constexpr auto run_attributes = std::to_array<ListColumn>({
    {.key = "id", .sql = "g.id", .rare = true},
    {.key = "display_name", .sql = "lower(g.display_name)", .folded = true, .rare = true},
    {.key = "description", .sql = "lower(g.description)", .folded = true},
    {.key = "created_at", .sql = "g.created_ms", .is_text = false},
    {.key = "finished_at", .sql = "coalesce(r.ended_ms, 0)", .is_text = false, .joined = true},
    {.key = "archived", .sql = "g.archived", .is_text = false},
    {.key = "group", .sql = "g.in_group"},
    {.key = "pipeline", .sql = "g.pipeline"},
    {.key = "version", .sql = "g.version"},
    {.key = "service_account", .sql = "lower(g.service_account)", .folded = true},
    {.key = "state",
     .sql =
         "CASE WHEN r.status = 'running' AND g.cancelled_ms IS NOT NULL THEN 'cancelling' ELSE r.status END",
     .joined = true},
});
// The other way round, all runs of the ledger would be looked at.
constexpr sqlite::ListTable run_table{
    .columns =
        "g.id, g.run, g.workspace, g.principal, g.in_group, g.display_name, g.description, "
        "g.service_account, g.pipeline, g.version, g.text, g.file, g.root, g.parameters, g.archived, "
        "g.created_ms, g.cancelled_ms, g.earlier, r.status, r.created_ms, r.ended_ms, r.message, (SELECT "
        "schedule FROM runs WHERE id = g.id)",
    .from = "grouped_runs AS g CROSS JOIN runs AS r ON r.id = g.run",
    .first = "grouped_runs AS g",
    .id = "g.id",
    .attributes = run_attributes};

/// Of a row with the columns of the table, from column 1 on.
Result<ports::RunGroup> group_of(const Statement& select) {
  ports::RunGroup group{.id = select.text(1),
                        .principal = {.workspace = select.text(2), .name = select.text(3)},
                        .name = select.text(4),
                        .description = select.text(5),
                        .archived = select.integer(6) != 0,
                        .created = time_of(select.integer(7))};
  if (!select.is_null(8)) group.last_run = time_of(select.integer(8));
  return group;
}

Result<ports::GroupedRun> run_of(const Statement& select) {
  SLUICE_TRY(text, sqlite::digest_of(select.text(11)));
  SLUICE_TRY(parameters, parse_json(select.text(14), "ledger"));
  SLUICE_TRY(earlier, parse_json(select.text(18), "ledger"));
  ports::GroupedRun run{.id = select.text(1),
                        .run = {select.text(2)},
                        .principal = {.workspace = select.text(3), .name = select.text(4)},
                        .group = select.text(5),
                        .display_name = select.text(6),
                        .description = select.text(7),
                        .service_account = select.text(8),
                        .pipeline = select.text(9),
                        .version = select.text(10),
                        .text = text,
                        .file = select.text(12),
                        .root = select.text(13),
                        .parameters = {},
                        .archived = select.integer(15) != 0,
                        .created = time_of(select.integer(16))};
  if (const auto* fields = parameters.if_struct()) run.parameters = *fields;
  if (const auto* entries = earlier.if_list()) run.earlier = *entries;
  if (!select.is_null(17)) run.cancelled = time_of(select.integer(17));
  run.status = select.text(19);
  run.started = time_of(select.integer(20));
  if (!select.is_null(21)) run.ended = time_of(select.integer(21));
  run.message = select.text(22);
  run.schedule = select.text(23);
  return run;
}

/// Whether it changed a row.
template <typename Work>
Result<bool> change(sqlite::LedgerFile& file, Work work) {
  bool found = false;
  SLUICE_DO(file.write(ports::Durability::process, [&](Connection& connection) -> Result<void> {
    SLUICE_DO(work(connection));
    found = connection.changes() > 0;
    return {};
  }));
  return found;
}

Result<std::optional<ports::RunGroup>> only_group(Statement select) {
  SLUICE_TRY(has_row, select.step());
  if (!has_row) return std::nullopt;
  SLUICE_TRY(group, group_of(select));
  return group;
}

}  // namespace

namespace sqlite {

Result<void> put_into_group(Connection& connection, const ports::GroupStep& step) {
  const auto& run = step.run;
  const auto earlier = to_json(run.earlier);
  if (!step.from.text.empty()) {
    SLUICE_TRY(update, connection.prepare("UPDATE grouped_runs SET run = ?, cancelled_ms = NULL, earlier = ? "
                                          "WHERE id = ? AND workspace = ? AND run = ?"));
    update.bind(run.run.text).bind(earlier).bind(run.id).bind(run.principal.workspace).bind(step.from.text);
    SLUICE_DO(update.run());
    if (connection.changes() == 1) return {};
    return Fail(user_error(Code::conflict, fmt::format("run {} is being retried already", run.id)));
  }
  const auto parameters = to_json(run.parameters);
  SLUICE_TRY(insert, connection.prepare(R"sql(
    INSERT INTO grouped_runs(id, run, workspace, principal, in_group, display_name, description, service_account,
      pipeline, version, text, file, root, parameters, archived, created_ms, cancelled_ms, earlier)
    VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,NULL,?))sql"));
  insert.bind(run.id).bind(run.run.text).bind(run.principal.workspace).bind(run.principal.name);
  insert.bind(run.group).bind(run.display_name).bind(run.description).bind(run.service_account);
  insert.bind(run.pipeline).bind(run.version).bind_blob(blob_of(run.text)).bind(run.file).bind(run.root);
  insert.bind(parameters).bind(std::int64_t{run.archived}).bind(milliseconds(run.created)).bind(earlier);
  return insert.run();
}

}  // namespace sqlite

SqliteRunGroups::SqliteRunGroups(std::shared_ptr<sqlite::LedgerFile> file) : file_(std::move(file)) {}
SqliteRunGroups::~SqliteRunGroups() = default;

Result<void> SqliteRunGroups::add_group(const ports::RunGroup& group) {
  SLUICE_TRY(
      added, change(*file_, [&](Connection& connection) -> Result<void> {
        SLUICE_TRY(insert, connection.prepare(R"sql(
      INSERT INTO run_groups(id, workspace, principal, name, description, archived, created_ms)
      VALUES(?,?,?,?,?,?,?) ON CONFLICT DO NOTHING)sql"));
        insert.bind(group.id).bind(group.principal.workspace).bind(group.principal.name).bind(group.name);
        insert.bind(group.description).bind(std::int64_t{group.archived}).bind(milliseconds(group.created));
        return insert.run();
      }));
  if (added) return {};
  return Fail(
      user_error(Code::already_exists, fmt::format("there is an experiment `{}` already", group.name)));
}

Result<std::optional<ports::RunGroup>> SqliteRunGroups::group(const std::string& workspace,
                                                              const std::string& id) const {
  return file_->read([&](Connection& connection) -> Result<std::optional<ports::RunGroup>> {
    SLUICE_TRY(select, connection.prepare(
                           "SELECT '', id, workspace, principal, name, description, archived, created_ms, "
                           "(SELECT max(created_ms) FROM grouped_runs WHERE in_group = run_groups.id) "
                           "FROM run_groups WHERE id = ? AND workspace = ?"));
    select.bind(id).bind(workspace);
    return only_group(std::move(select));
  });
}

Result<std::optional<ports::RunGroup>> SqliteRunGroups::group_named(const std::string& workspace,
                                                                    const std::string& name) const {
  return file_->read([&](Connection& connection) -> Result<std::optional<ports::RunGroup>> {
    SLUICE_TRY(select, connection.prepare(
                           "SELECT '', id, workspace, principal, name, description, archived, created_ms, "
                           "(SELECT max(created_ms) FROM grouped_runs WHERE in_group = run_groups.id) "
                           "FROM run_groups WHERE workspace = ? AND name = ?"));
    select.bind(workspace).bind(name);
    return only_group(std::move(select));
  });
}

Result<ports::ListPage<ports::RunGroup>> SqliteRunGroups::groups(const std::string& workspace,
                                                                 const ports::ListQuery& query) const {
  return file_->read([&](Connection& connection) {
    const auto where = SqlText().add("workspace = ").value(workspace);
    return sqlite::list_page<ports::RunGroup>(connection, group_table, where, query, group_of);
  });
}

Result<bool> SqliteRunGroups::archive_group(const std::string& workspace, const std::string& id,
                                            bool archived) {
  return change(*file_, [&](Connection& connection) -> Result<void> {
    if (archived) {
      SLUICE_TRY(runs, connection.prepare("UPDATE grouped_runs SET archived = 1 WHERE in_group = ? AND "
                                          "workspace = ? AND archived = 0"));
      SLUICE_DO(runs.bind(id).bind(workspace).run());
    }
    SLUICE_TRY(update,
               connection.prepare("UPDATE run_groups SET archived = ? WHERE id = ? AND workspace = ?"));
    return update.bind(std::int64_t{archived}).bind(id).bind(workspace).run();
  });
}

Result<bool> SqliteRunGroups::remove_group(const std::string& workspace, const std::string& id) {
  return change(*file_, [&](Connection& connection) -> Result<void> {
    SLUICE_TRY(remove, connection.prepare("DELETE FROM run_groups WHERE id = ? AND workspace = ?"));
    return remove.bind(id).bind(workspace).run();
  });
}

Result<std::optional<ports::GroupedRun>> SqliteRunGroups::run(const std::string& workspace,
                                                              const std::string& id) const {
  return file_->read([&](Connection& connection) -> Result<std::optional<ports::GroupedRun>> {
    SLUICE_TRY(select, connection.prepare(R"sql(
      SELECT '', g.id, g.run, g.workspace, g.principal, g.in_group, g.display_name, g.description,
        g.service_account, g.pipeline, g.version, g.text, g.file, g.root, g.parameters, g.archived, g.created_ms,
        g.cancelled_ms, g.earlier, r.status, r.created_ms, r.ended_ms, r.message, (SELECT schedule FROM runs WHERE id = g.id)
      FROM grouped_runs AS g CROSS JOIN runs AS r ON r.id = g.run WHERE g.id = ? AND g.workspace = ?)sql"));
    SLUICE_TRY(has_row, select.bind(id).bind(workspace).step());
    if (!has_row) return std::nullopt;
    SLUICE_TRY(found, run_of(select));
    return found;
  });
}

Result<ports::ListPage<ports::GroupedRun>> SqliteRunGroups::runs(const std::string& workspace,
                                                                 const std::string& group,
                                                                 const ports::ListQuery& query) const {
  return file_->read([&](Connection& connection) {
    SqlText where;
    // All runs of a group are of its workspace; to look at that too, each of them would have to be read.
    if (group.empty())
      where.add("g.workspace = ").value(workspace);
    else
      where.add("g.in_group = ").value(group);
    return sqlite::list_page<ports::GroupedRun>(connection, run_table, where, query, run_of);
  });
}

Result<bool> SqliteRunGroups::archive_run(const std::string& workspace, const std::string& id,
                                          bool archived) {
  return change(*file_, [&](Connection& connection) -> Result<void> {
    SLUICE_TRY(update,
               connection.prepare("UPDATE grouped_runs SET archived = ? WHERE id = ? AND workspace = ?"));
    return update.bind(std::int64_t{archived}).bind(id).bind(workspace).run();
  });
}

Result<bool> SqliteRunGroups::note_cancellation(const std::string& workspace, const std::string& id,
                                                Time at) {
  return change(*file_, [&](Connection& connection) -> Result<void> {
    SLUICE_TRY(update, connection.prepare("UPDATE grouped_runs SET cancelled_ms = coalesce(cancelled_ms, ?) "
                                          "WHERE id = ? AND workspace = ?"));
    return update.bind(milliseconds(at)).bind(id).bind(workspace).run();
  });
}

Result<bool> SqliteRunGroups::remove_run(const std::string& workspace, const std::string& id) {
  return change(*file_, [&](Connection& connection) -> Result<void> {
    SLUICE_TRY(remove, connection.prepare("DELETE FROM grouped_runs WHERE id = ? AND workspace = ?"));
    return remove.bind(id).bind(workspace).run();
  });
}

}  // namespace sluice::stores
