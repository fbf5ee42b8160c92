#include "sluice/stores/sqlite/sqlite_tracked_tasks.hpp"

#include <array>

#include "sluice/stores/sqlite/ledger_file.hpp"
#include "sluice/stores/sqlite/run_record.hpp"
#include "sluice/stores/sqlite/tracked_run_rows.hpp"

namespace sluice::stores {

using sqlite::Connection;

namespace {

Result<void> put_place(Connection& connection, std::int64_t tracked, const ports::TaskPlace& place) {
  SLUICE_TRY(insert, connection.prepare("INSERT INTO tracked_tasks(tracked, run, path, attempt, unsettled) "
                                        "VALUES(?,?,?,?,1)"));
  return insert.bind(tracked).bind(place.run.text).bind(place.path).bind(place.attempt).run();
}

/// What belongs to a tracked run, but for its tags: the new one has its own.
constexpr auto copies = std::to_array<const char*>({
    "INSERT INTO tracked_parameters(run, key, value) SELECT ?, key, value FROM tracked_parameters "
    "WHERE run = ? ORDER BY key ON CONFLICT DO NOTHING",
    "INSERT INTO tracked_metrics(run, key, experiment, value, step, at_ms, points, in_chunks) SELECT ?, key, "
    "experiment, value, step, at_ms, points, in_chunks FROM tracked_metrics WHERE run = ? ORDER BY key",
    "INSERT INTO tracked_points(run, key, number, step, at_ms, value) SELECT ?, key, number, step, at_ms, "
    "value "
    "FROM tracked_points WHERE run = ? ORDER BY key, number",
    "INSERT INTO tracked_chunks(run, key, first, points, step_min, step_max, sample, all_points) SELECT ?, "
    "key, "
    "first, points, step_min, step_max, sample, all_points FROM tracked_chunks WHERE run = ?",
    "INSERT INTO tracked_datasets(run, name, digest, position, source_type, source, schema, profile, "
    "context, "
    "tags) SELECT ?, name, digest, position, source_type, source, schema, profile, context, tags "
    "FROM tracked_datasets WHERE run = ?",
    "INSERT INTO tracked_model_uses(run, is_output, model, step) SELECT ?, is_output, model, step "
    "FROM tracked_model_uses WHERE run = ?",
});

/// The rows of the files below a folder, once more below another one.
Result<void> copy_files(Connection& connection, const std::string& workspace, const std::string& from,
                        const std::string& to) {
  SLUICE_TRY(insert, connection.prepare(R"sql(
    INSERT INTO artifacts(workspace, path, principal, digest, size, at_ms)
    SELECT workspace, ? || substr(path, length(?) + 1), principal, digest, size, at_ms FROM artifacts
    WHERE workspace = ? AND path > ? AND path < ? ON CONFLICT DO NOTHING)sql"));
  const auto begin = from + "/";
  const auto end = from + "0";  // "0" follows "/" in the order of bytes
  return insert.bind(to).bind(from).bind(workspace).bind(begin).bind(end).run();
}

/// The entries that a statement selects.
Result<std::vector<ports::TrackedTasks::Entry>> entries_of(sqlite::Statement select) {
  std::vector<ports::TrackedTasks::Entry> entries;
  for (;;) {
    SLUICE_TRY(has_row, select.step());
    if (!has_row) return entries;
    entries.push_back(
        {.tracked = select.text(0),
         .place = {.run = {select.text(1)}, .path = select.text(2), .attempt = select.integer(3)},
         .status = ports::tracked_status_named(select.text(4)).value_or(ports::TrackedStatus::failed)});
  }
}

}  // namespace

SqliteTrackedTasks::SqliteTrackedTasks(std::shared_ptr<sqlite::LedgerFile> file, ports::Durability durability)
    : file_(std::move(file)), durability_(durability) {}
SqliteTrackedTasks::~SqliteTrackedTasks() = default;

Result<void> SqliteTrackedTasks::begin(const ports::NewTrackedRun& run, const ports::TaskPlace& place) {
  return file_->write(durability_, [&](Connection& connection) -> Result<void> {
    SLUICE_TRY(number, sqlite::insert_tracked_run(connection, run));
    return number ? put_place(connection, *number, place) : Result<void>();
  });
}

Result<void> SqliteTrackedTasks::begin_as(const ports::NewTrackedRun& run, const ports::TaskPlace& place,
                                          const Copied& copied) {
  return file_->write(durability_, [&](Connection& connection) -> Result<void> {
    const auto& workspace = run.principal.workspace;
    SLUICE_TRY(source, sqlite::find_tracked_run(connection, workspace, copied.source));
    SLUICE_TRY(number, sqlite::insert_tracked_run(connection, run));
    if (!number) return {};
    SLUICE_DO(put_place(connection, *number, place));
    for (const auto* copy : copies) {
      SLUICE_TRY(insert, connection.prepare(copy));
      SLUICE_DO(insert.bind(*number).bind(source.number).run());
    }
    if (!copied.source_files.empty())
      SLUICE_DO(copy_files(connection, workspace, copied.source_files, copied.files));
    ports::TrackedRun logged;
    SLUICE_DO(sqlite::read_parts(connection, *number, logged));
    return sqlite::write_record(connection, *number, sqlite::record_of(logged));
  });
}

Result<std::optional<ports::TaskPlace>> SqliteTrackedTasks::place_of(const std::string& workspace,
                                                                     const std::string& tracked) const {
  return file_->read([&](Connection& connection) -> Result<std::optional<ports::TaskPlace>> {
    SLUICE_TRY(select, connection.prepare("SELECT t.run, t.path, t.attempt FROM tracked_runs r JOIN "
                                          "tracked_tasks t ON t.tracked = r.number WHERE r.id = ? AND "
                                          "r.workspace = ?"));
    SLUICE_TRY(has_row, select.bind(tracked).bind(workspace).step());
    if (!has_row) return std::nullopt;
    return ports::TaskPlace{.run = {select.text(0)}, .path = select.text(1), .attempt = select.integer(2)};
  });
}

Result<std::vector<ports::TrackedTasks::Entry>> SqliteTrackedTasks::at(const RunId& run,
                                                                       const std::string& path,
                                                                       std::size_t limit) const {
  return file_->read([&](Connection& connection) -> Result<std::vector<Entry>> {
    SLUICE_TRY(select,
               connection.prepare("SELECT r.id, t.run, t.path, t.attempt, r.status FROM tracked_tasks t JOIN "
                                  "tracked_runs r ON r.number = t.tracked WHERE t.run = ? AND t.path = ? "
                                  "ORDER BY t.attempt DESC, t.tracked LIMIT ?"));
    select.bind(run.text).bind(path).bind(static_cast<std::int64_t>(limit));
    return entries_of(std::move(select));
  });
}

Result<std::vector<ports::TrackedTasks::Entry>> SqliteTrackedTasks::of_tasks(const RunId& run,
                                                                             std::size_t limit) const {
  return file_->read([&](Connection& connection) -> Result<std::vector<Entry>> {
    SLUICE_TRY(select,
               connection.prepare("SELECT r.id, t.run, t.path, t.attempt, r.status FROM tracked_tasks t JOIN "
                                  "tracked_runs r ON r.number = t.tracked WHERE t.run = ? AND t.path > '' "
                                  "ORDER BY t.path, t.attempt DESC, t.tracked LIMIT ?"));
    select.bind(run.text).bind(static_cast<std::int64_t>(limit));
    return entries_of(std::move(select));
  });
}

Result<std::vector<ports::TrackedTasks::Entry>> SqliteTrackedTasks::unended(const RunId& run,
                                                                            std::size_t limit) const {
  return file_->read([&](Connection& connection) -> Result<std::vector<Entry>> {
    SLUICE_TRY(select, connection.prepare(
                           "SELECT r.id, t.run, t.path, t.attempt, r.status FROM tracked_tasks t JOIN "
                           "tracked_runs r ON r.number = t.tracked WHERE t.run = ? AND t.unsettled = 1 "
                           "AND r.active = 1 AND r.status IN ('RUNNING', 'SCHEDULED') LIMIT ?"));
    select.bind(run.text).bind(static_cast<std::int64_t>(limit));
    return entries_of(std::move(select));
  });
}

Result<std::vector<RunId>> SqliteTrackedTasks::unsettled_runs(std::size_t limit) const {
  return file_->read([&](Connection& connection) -> Result<std::vector<RunId>> {
    SLUICE_TRY(select,
               connection.prepare("SELECT DISTINCT run FROM tracked_tasks WHERE unsettled = 1 LIMIT ?"));
    select.bind(static_cast<std::int64_t>(limit));
    std::vector<RunId> runs;
    for (;;) {
      SLUICE_TRY(has_row, select.step());
      if (!has_row) return runs;
      runs.push_back({select.text(0)});
    }
  });
}

Result<void> SqliteTrackedTasks::settle(const RunId& run) {
  return file_->write(durability_, [&](Connection& connection) -> Result<void> {
    SLUICE_TRY(update,
               connection.prepare("UPDATE tracked_tasks SET unsettled = 0 WHERE run = ? AND unsettled = 1"));
    return update.bind(run.text).run();
  });
}

Result<bool> SqliteTrackedTasks::any() const {
  return file_->read([&](Connection& connection) -> Result<bool> {
    SLUICE_TRY(select, connection.prepare("SELECT 1 FROM tracked_tasks LIMIT 1"));
    return select.step();
  });
}

}  // namespace sluice::stores
