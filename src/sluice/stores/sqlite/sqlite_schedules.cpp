#include "sluice/stores/sqlite/sqlite_schedules.hpp"

#include <algorithm>

#include "sluice/base/json.hpp"
#include "sluice/stores/sqlite/columns.hpp"
#include "sluice/stores/sqlite/ledger_file.hpp"
#include "sluice/stores/sqlite/recurring_run_rows.hpp"
#include "sluice/stores/sqlite/schedule_rows.hpp"

namespace sluice::stores {

using sqlite::blob_of;
using sqlite::Connection;
using sqlite::milliseconds;
using sqlite::Statement;
using sqlite::time_of;

namespace {

void bind_time(Statement& statement, const std::optional<Time>& time) {
  if (time)
    statement.bind(milliseconds(*time));
  else
    statement.bind_null();
}

Result<Struct> fields_in(const std::string& text) {
  SLUICE_TRY(json, parse_json(text, "schedule"));
  SLUICE_TRY(value, from_tagged(json));
  if (const auto* fields = value.if_struct()) return *fields;
  return Fail(internal_error(Code::data_loss, "the ledger holds a schedule whose inputs are damaged"));
}

Result<std::optional<ports::Schedule>> schedule_of(Statement& select) {
  SLUICE_TRY(has_row, select.step());
  if (!has_row) return std::nullopt;
  SLUICE_TRY(text, sqlite::digest_of(select.text(18)));
  SLUICE_TRY(inputs, fields_in(select.text(20)));
  SLUICE_TRY(code, fields_in(select.text(21)));
  SLUICE_TRY(options, fields_in(select.text(24)));
  return ports::Schedule{.row = sqlite::schedule_row_of(select),
                         .plan = {.text = text,
                                  .file = select.text(4),
                                  .pipeline = select.text(19),
                                  .inputs = std::move(inputs),
                                  .code = std::move(code),
                                  .cache = select.integer(22) != 0,
                                  .strict = select.integer(23) != 0,
                                  .options = std::move(options),
                                  .instant_input = select.text(25)}};
}

Result<std::optional<ports::Schedule>> with_group(Connection& connection,
                                                  Result<std::optional<ports::Schedule>> schedule) {
  if (!schedule || !*schedule) return schedule;
  SLUICE_TRY(group, sqlite::group_of_schedule(connection, (*schedule)->row.id));
  (*schedule)->group = std::move(group);
  return schedule;
}

/// Whether the name, or one more schedule, is free.
Result<void> check_free(Connection& connection, const ports::ScheduleRow& row) {
  const auto& workspace = row.principal.workspace;
  {
    SLUICE_TRY(select, connection.prepare("SELECT 1 FROM schedules WHERE workspace = ? AND name = ?"));
    SLUICE_TRY(found, select.bind(workspace).bind(row.name).step());
    if (found)
      return Fail(user_error(Code::already_exists,
                             "there is a schedule `" + row.name +
                                 "`; choose another name with --name, or remove it: sluice schedules rm " +
                                 row.name));
  }
  SLUICE_TRY(count, connection.prepare("SELECT count(*) FROM schedules WHERE workspace = ?"));
  SLUICE_TRY(counted, count.bind(workspace).step());
  if (counted && count.integer(0) >= ports::Schedules::schedules_max)
    return Fail(user_error(Code::exhausted, "the workspace has " + std::to_string(count.integer(0)) +
                                                " schedules, and no more are possible; remove some"));
  return {};
}

}  // namespace

namespace sqlite {

ports::ScheduleRow schedule_row_of(const Statement& select, int first) {
  const auto time_at = [&](int column) {
    return select.is_null(first + column) ? std::nullopt
                                          : std::optional(time_of(select.integer(first + column)));
  };
  return {.id = {select.text(first)},
          .principal = {.workspace = select.text(first + 1), .name = select.text(first + 2)},
          .name = select.text(first + 3),
          .file = select.text(first + 4),
          .timing = {.cron = select.text(first + 5),
                     .interval = Milliseconds(select.integer(first + 6)),
                     .time_zone = select.text(first + 7),
                     .start = time_at(8),
                     .end = time_at(9),
                     .catch_up = select.integer(first + 10) != 0,
                     .max_concurrency = select.integer(first + 11)},
          .enabled = select.integer(first + 12) != 0,
          .created = time_of(select.integer(first + 13)),
          .last = time_at(14),
          .due = time_at(15),
          .runs = select.integer(first + 16),
          .problem = select.text(first + 17)};
}

Result<void> take_step(Connection& connection, const ports::ScheduleStep& step) {
  SLUICE_TRY(update,
             connection.prepare(
                 "UPDATE schedules SET last_ms = ?1, due_ms = ?2, runs = runs + 1, problem = '' WHERE id = "
                 "?3 AND enabled = 1 AND (last_ms IS NULL OR last_ms < ?1)"));
  update.bind(milliseconds(step.instant));
  bind_time(update, step.due);
  SLUICE_DO(update.bind(step.schedule.text).run());
  if (connection.changes() == 1) return {};
  return Fail(user_error(Code::conflict, "schedule " + step.schedule.text +
                                             " was removed or disabled, or has had this run; read it again"));
}

}  // namespace sqlite

Result<void> SqliteSchedules::add(const ports::Schedule& schedule) {
  const auto& row = schedule.row;
  const auto& plan = schedule.plan;
  const auto& timing = row.timing;
  const auto inputs = to_json(to_tagged(plan.inputs));
  const auto code = to_json(to_tagged(plan.code));
  const auto options = to_json(to_tagged(plan.options));
  return file_->write(ports::Durability::power, [&](Connection& connection) -> Result<void> {
    SLUICE_DO(check_free(connection, row));
    SLUICE_TRY(insert, connection.prepare(R"sql(
      INSERT INTO schedules(id, workspace, principal, name, file, cron, interval_ms, time_zone, start_ms, end_ms,
        catch_up, max_concurrency, enabled, created_ms, last_ms, due_ms, runs, problem, plan, pipeline, inputs, code,
        cache, strict, options, instant_input)
      VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?))sql"));
    insert.bind(row.id.text).bind(row.principal.workspace).bind(row.principal.name).bind(row.name);
    insert.bind(plan.file)
        .bind(timing.cron)
        .bind(std::int64_t{timing.interval.count()})
        .bind(timing.time_zone);
    bind_time(insert, timing.start);
    bind_time(insert, timing.end);
    insert.bind(std::int64_t{timing.catch_up}).bind(timing.max_concurrency).bind(std::int64_t{row.enabled});
    insert.bind(milliseconds(row.created));
    bind_time(insert, row.last);
    bind_time(insert, row.due);
    insert.bind(row.runs).bind(row.problem).bind_blob(blob_of(plan.text)).bind(plan.pipeline);
    insert.bind(inputs).bind(code).bind(std::int64_t{plan.cache}).bind(std::int64_t{plan.strict});
    SLUICE_DO(insert.bind(options).bind(plan.instant_input).run());
    return schedule.group ? sqlite::add_recurring_run(connection, row.id, *schedule.group) : Result<void>();
  });
}

Result<bool> SqliteSchedules::remove(const ScheduleId& id) {
  bool removed = false;
  SLUICE_DO(file_->write(ports::Durability::power, [&](Connection& connection) -> Result<void> {
    SLUICE_TRY(statement, connection.prepare("DELETE FROM schedules WHERE id = ?"));
    SLUICE_DO(statement.bind(id.text).run());
    removed = connection.changes() > 0;
    SLUICE_TRY(recurring, connection.prepare("DELETE FROM recurring_runs WHERE id = ?"));
    return recurring.bind(id.text).run();
  }));
  return removed;
}

Result<bool> SqliteSchedules::set_enabled(const ScheduleId& id, bool enabled, std::optional<Time> due,
                                          Time at) {
  bool found = false;
  SLUICE_DO(file_->write(ports::Durability::power, [&](Connection& connection) -> Result<void> {
    SLUICE_TRY(update,
               connection.prepare("UPDATE schedules SET enabled = ?, due_ms = ?, problem = '' WHERE id = ?"));
    update.bind(std::int64_t{enabled});
    bind_time(update, due);
    SLUICE_DO(update.bind(id.text).run());
    found = connection.changes() > 0;
    SLUICE_TRY(recurring, connection.prepare("UPDATE recurring_runs SET updated_ms = ? WHERE id = ?"));
    return recurring.bind(milliseconds(at)).bind(id.text).run();
  }));
  return found;
}

Result<void> SqliteSchedules::set_problem(const ScheduleId& id, const std::string& problem) {
  return file_->write(ports::Durability::process, [&](Connection& connection) -> Result<void> {
    SLUICE_TRY(update, connection.prepare("UPDATE schedules SET problem = ? WHERE id = ?"));
    return update.bind(problem).bind(id.text).run();
  });
}

Result<std::optional<ports::Schedule>> SqliteSchedules::find(const ScheduleId& id) const {
  return file_->read([&](Connection& connection) -> Result<std::optional<ports::Schedule>> {
    SLUICE_TRY(select, connection.prepare(R"sql(
      SELECT id, workspace, principal, name, file, cron, interval_ms, time_zone, start_ms, end_ms, catch_up,
        max_concurrency, enabled, created_ms, last_ms, due_ms, runs, problem, plan, pipeline, inputs, code, cache,
        strict, options, instant_input
      FROM schedules WHERE id = ?)sql"));
    select.bind(id.text);
    return with_group(connection, schedule_of(select));
  });
}

Result<std::optional<ports::Schedule>> SqliteSchedules::find(const std::string& workspace,
                                                             const std::string& name) const {
  SLUICE_TRY(by_id, find(ScheduleId{name}));
  if (by_id && by_id->row.principal.workspace == workspace) return by_id;
  return file_->read([&](Connection& connection) -> Result<std::optional<ports::Schedule>> {
    SLUICE_TRY(select, connection.prepare(R"sql(
      SELECT id, workspace, principal, name, file, cron, interval_ms, time_zone, start_ms, end_ms, catch_up,
        max_concurrency, enabled, created_ms, last_ms, due_ms, runs, problem, plan, pipeline, inputs, code, cache,
        strict, options, instant_input
      FROM schedules WHERE workspace = ? AND name = ?)sql"));
    select.bind(workspace).bind(name);
    return with_group(connection, schedule_of(select));
  });
}

Result<std::vector<ports::ScheduleRow>> SqliteSchedules::list(const std::string& workspace,
                                                              const ports::NamePage& page) const {
  return file_->read([&](Connection& connection) -> Result<std::vector<ports::ScheduleRow>> {
    SLUICE_TRY(select, connection.prepare(R"sql(
      SELECT id, workspace, principal, name, file, cron, interval_ms, time_zone, start_ms, end_ms, catch_up,
        max_concurrency, enabled, created_ms, last_ms, due_ms, runs, problem
      FROM schedules WHERE workspace = ? AND name > ? ORDER BY name LIMIT ?)sql"));
    select.bind(workspace).bind(page.after);
    select.bind(static_cast<std::int64_t>(std::min<std::size_t>(page.limit, INT64_MAX)));
    std::vector<ports::ScheduleRow> out;
    for (;;) {
      SLUICE_TRY(has_row, select.step());
      if (!has_row) return out;
      out.push_back(sqlite::schedule_row_of(select));
    }
  });
}

Result<void> SqliteSchedules::each_due(const std::function<void(const ScheduleId&, Time)>& take) const {
  return file_->read([&](Connection& connection) -> Result<void> {
    SLUICE_TRY(select, connection.prepare(
                           "SELECT id, due_ms FROM schedules WHERE due_ms IS NOT NULL ORDER BY due_ms"));
    for (;;) {
      SLUICE_TRY(has_row, select.step());
      if (!has_row) return {};
      take(ScheduleId{select.text(0)}, time_of(select.integer(1)));
    }
  });
}

Result<std::int64_t> SqliteSchedules::running(const ScheduleId& id) const {
  return file_->read([&](Connection& connection) -> Result<std::int64_t> {
    SLUICE_TRY(select,
               connection.prepare("SELECT count(*) FROM runs WHERE schedule = ? AND status = 'running'"));
    SLUICE_TRY(has_row, select.bind(id.text).step());
    return has_row ? select.integer(0) : 0;
  });
}

}  // namespace sluice::stores
