#include "sluice/stores/sqlite/sqlite_recurring_runs.hpp"

#include <array>

#include "sluice/base/json.hpp"
#include "sluice/stores/sqlite/columns.hpp"
#include "sluice/stores/sqlite/ledger_file.hpp"
#include "sluice/stores/sqlite/list_sql.hpp"
#include "sluice/stores/sqlite/recurring_run_rows.hpp"
#include "sluice/stores/sqlite/schedule_rows.hpp"

namespace sluice::stores {

using sqlite::Connection;
using sqlite::ListColumn;
using sqlite::SqlText;
using sqlite::Statement;
using sqlite::time_of;

namespace {

constexpr auto attributes = std::to_array<ListColumn>({
    {.key = "id", .sql = "q.id", .rare = true},
    {.key = "display_name", .sql = "lower(q.display_name)", .folded = true, .rare = true},
    {.key = "description", .sql = "lower(q.description)", .folded = true},
    {.key = "created_at", .sql = "q.created_ms", .is_text = false},
    {.key = "updated_at", .sql = "q.updated_ms", .is_text = false},
    {.key = "group", .sql = "q.in_group"},
    {.key = "pipeline", .sql = "q.pipeline"},
    {.key = "version", .sql = "q.version"},
    {.key = "service_account", .sql = "lower(q.service_account)", .folded = true},
    {.key = "enabled", .sql = "s.enabled", .is_text = false, .joined = true},
});
constexpr sqlite::ListTable table{.columns =
                                      "q.id, q.in_group, q.display_name, q.description, q.service_account, "
                                      "q.pipeline, q.version, q.text, q.file, "
                                      "q.root, q.parameters, q.created_ms, q.updated_ms, s.id, s.workspace, "
                                      "s.principal, s.name, s.file, s.cron, "
                                      "s.interval_ms, s.time_zone, s.start_ms, s.end_ms, s.catch_up, "
                                      "s.max_concurrency, s.enabled, s.created_ms, "
                                      "s.last_ms, s.due_ms, s.runs, s.problem",
                                  .from = "recurring_runs AS q CROSS JOIN schedules AS s ON s.id = q.id",
                                  .first = "recurring_runs AS q",
                                  .id = "q.id",
                                  .attributes = attributes};
constexpr int first_of_schedule = 14;

/// Of columns from `first` on, which begin with `in_group`.
Result<ports::GroupedRun> common_of(const Statement& select, int first) {
  SLUICE_TRY(text, sqlite::digest_of(select.text(first + 6)));
  SLUICE_TRY(parameters, parse_json(select.text(first + 9), "ledger"));
  ports::GroupedRun run;
  run.group = select.text(first);
  run.display_name = select.text(first + 1);
  run.description = select.text(first + 2);
  run.service_account = select.text(first + 3);
  run.pipeline = select.text(first + 4);
  run.version = select.text(first + 5);
  run.text = text;
  run.file = select.text(first + 7);
  run.root = select.text(first + 8);
  if (const auto* fields = parameters.if_struct()) run.parameters = *fields;
  return run;
}

/// Of a row with the columns of the table, from column 1 on.
Result<ports::RecurringRun> recurring_run_of(const Statement& select) {
  SLUICE_TRY(run, common_of(select, 2));
  ports::RecurringRun out{.id = select.text(1),
                          .schedule = sqlite::schedule_row_of(select, first_of_schedule),
                          .run = std::move(run),
                          .updated = time_of(select.integer(13))};
  out.run.principal = out.schedule.principal;
  out.run.created = time_of(select.integer(12));
  return out;
}

}  // namespace

namespace sqlite {

Result<void> add_recurring_run(Connection& connection, const ScheduleId& id, const ports::GroupedRun& run) {
  const auto parameters = to_json(run.parameters);
  SLUICE_TRY(insert, connection.prepare(R"sql(
    INSERT INTO recurring_runs(id, workspace, principal, in_group, display_name, description, service_account,
      pipeline, version, text, file, root, parameters, created_ms, updated_ms)
    VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?))sql"));
  insert.bind(id.text).bind(run.principal.workspace).bind(run.principal.name).bind(run.group);
  insert.bind(run.display_name).bind(run.description).bind(run.service_account).bind(run.pipeline);
  insert.bind(run.version).bind_blob(blob_of(run.text)).bind(run.file).bind(run.root).bind(parameters);
  return insert.bind(milliseconds(run.created)).bind(milliseconds(run.created)).run();
}

Result<std::shared_ptr<const ports::GroupedRun>> group_of_schedule(Connection& connection,
                                                                   const ScheduleId& id) {
  SLUICE_TRY(select,
             connection.prepare(
                 "SELECT in_group, display_name, description, service_account, pipeline, version, text, "
                 "file, root, parameters, workspace, principal FROM recurring_runs WHERE id = ?"));
  SLUICE_TRY(has_row, select.bind(id.text).step());
  if (!has_row) return nullptr;
  SLUICE_TRY(run, common_of(select, 0));
  run.principal = {.workspace = select.text(10), .name = select.text(11)};
  return std::make_shared<const ports::GroupedRun>(std::move(run));
}

}  // namespace sqlite

Result<std::optional<ports::RecurringRun>> SqliteRecurringRuns::recurring_run(const std::string& workspace,
                                                                              const std::string& id) const {
  ports::ListQuery query{.conditions = {{.key = "id", .operand = id}}, .limit = 1};
  SLUICE_TRY(found, recurring_runs(workspace, "", query));
  if (found.entries.empty()) return std::nullopt;
  return std::move(found.entries.front());
}

Result<ports::ListPage<ports::RecurringRun>> SqliteRecurringRuns::recurring_runs(
    const std::string& workspace, const std::string& group, const ports::ListQuery& query) const {
  return file_->read([&](Connection& connection) {
    SqlText where;
    if (!group.empty()) where.add("q.in_group = ").value(group).add(" AND ");
    where.add(group.empty() ? "q.workspace = " : "+q.workspace = ").value(workspace);
    return sqlite::list_page<ports::RecurringRun>(connection, table, where, query, recurring_run_of);
  });
}

}  // namespace sluice::stores
