#include "sluice/stores/sqlite/removed_records.hpp"

#include <array>
#include <string>

#include "sluice/stores/sqlite/columns.hpp"
#include "sluice/stores/sqlite/own_artifacts.hpp"
#include "sluice/stores/sqlite/trace_rows.hpp"

namespace sluice::stores::sqlite {
namespace {

using Kind = RemovedRecord::Kind;

constexpr std::int64_t rows_at_once = 1'000;

/// "" if it is elsewhere.
std::string folder_of(Kind kind, const std::string& uri, const std::string& id) {
  return own_folder(uri, kind == Kind::logged_model ? "models/" + id : id);
}

/// Rows of: number, id, workspace, experiment, active, when it was removed, where its files are, why it
/// stays.
Result<Statement> rows_of(Connection& connection, Kind kind) {
  if (kind == Kind::run)
    return connection.prepare(
        "SELECT number, id, workspace, experiment, active, removed_ms, artifact_uri, '' "
        "FROM tracked_runs WHERE number > ? ORDER BY number LIMIT ?");
  if (kind == Kind::logged_model)
    return connection.prepare(
        "SELECT number, id, workspace, experiment, active, updated_ms, "
        "artifact_location, '' FROM logged_models WHERE number > ? ORDER BY number "
        "LIMIT ?");
  return connection.prepare(R"sql(
    SELECT id, name, workspace, id, active, updated_ms, '', CASE
      WHEN id = 0 THEN 'clients expect an experiment 0'
      WHEN id = (SELECT max(id) FROM experiments) THEN 'it is the newest, and its number must not be used again'
      WHEN EXISTS(SELECT 1 FROM tracked_runs WHERE experiment = experiments.id AND active = 1)
        THEN 'a run of it is not removed'
      ELSE '' END FROM experiments WHERE id > ? ORDER BY id LIMIT ?)sql");
}

Result<void> remove_by_number(Connection& connection, std::int64_t number, const auto& statements) {
  for (const char* const sql : statements) {
    SLUICE_TRY(remove, connection.prepare(sql));
    SLUICE_DO(remove.bind(number).run());
  }
  return {};
}

Result<void> erase_run(Connection& connection, std::int64_t number) {
  // Each statement is a literal of its own.
  constexpr std::array statements{
      "DELETE FROM tracked_records WHERE run = ?",   "DELETE FROM tracked_parameters WHERE run = ?",
      "DELETE FROM tracked_tags WHERE run = ?",      "DELETE FROM tracked_metrics WHERE run = ?",
      "DELETE FROM tracked_points WHERE run = ?",    "DELETE FROM tracked_chunks WHERE run = ?",
      "DELETE FROM tracked_datasets WHERE run = ?",  "DELETE FROM tracked_model_uses WHERE run = ?",
      "DELETE FROM tracked_tasks WHERE tracked = ?", "DELETE FROM tracked_runs WHERE number = ?"};
  return remove_by_number(connection, number, statements);
}

Result<void> erase_logged_model(Connection& connection, std::int64_t number, const std::string& id) {
  {
    SLUICE_TRY(metrics, connection.prepare("DELETE FROM logged_model_metrics WHERE model = ?"));
    SLUICE_DO(metrics.bind(id).run());
  }
  constexpr std::array statements{"DELETE FROM logged_model_parameters WHERE model = ?",
                                  "DELETE FROM logged_model_tags WHERE model = ?",
                                  "DELETE FROM logged_models WHERE number = ?"};
  return remove_by_number(connection, number, statements);
}

Result<void> erase_experiment(Connection& connection, std::int64_t number) {
  constexpr std::array statements{"DELETE FROM experiment_tags WHERE experiment = ?",
                                  "DELETE FROM experiments WHERE id = ?"};
  return remove_by_number(connection, number, statements);
}

Result<bool> is_removed_still(Connection& connection, const RemovedRecord& record, Time limit) {
  constexpr const char* run =
      "SELECT 1 FROM tracked_runs WHERE number = ? AND id = ? AND active = 0 AND removed_ms <= ?";
  constexpr const char* model =
      "SELECT 1 FROM logged_models WHERE number = ? AND id = ? AND active = 0 AND updated_ms <= ?";
  constexpr const char* experiment =
      "SELECT 1 FROM experiments WHERE id = ? AND name = ? AND active = 0 AND updated_ms <= ? AND NOT EXISTS("
      "SELECT 1 FROM tracked_runs WHERE experiment = experiments.id)";
  SLUICE_TRY(select, connection.prepare(record.kind == Kind::run            ? run
                                        : record.kind == Kind::logged_model ? model
                                                                            : experiment));
  return select.bind(record.number).bind(record.id).bind(milliseconds(limit)).step();
}

/// The experiments that rows have which are gone, from each straight to the next, by an index.
Result<std::vector<std::int64_t>> missing_experiments(Statement select) {
  std::vector<std::int64_t> out;
  for (;;) {
    SLUICE_TRY(row, select.step());
    if (!row) return out;
    out.push_back(select.integer(0));
  }
}

Result<bool> erase_models_of(Connection& connection, std::int64_t experiment) {
  std::vector<RemovedRecord> models;
  {
    SLUICE_TRY(select,
               connection.prepare("SELECT number, id, workspace, artifact_location FROM logged_models "
                                  "WHERE experiment = ? LIMIT ?"));
    select.bind(experiment).bind(rows_at_once / 10);
    for (;;) {
      SLUICE_TRY(row, select.step());
      if (!row) break;
      auto& model = models.emplace_back();
      model.number = select.integer(0);
      model.id = select.text(1);
      model.workspace = select.text(2);
      model.folder = folder_of(Kind::logged_model, select.text(3), model.id);
    }
  }
  for (const auto& model : models) {
    SLUICE_DO(erase_logged_model(connection, model.number, model.id));
    if (!model.folder.empty()) SLUICE_DO(remove_artifacts(connection, model.workspace, model.folder));
  }
  return models.empty();
}

Result<bool> erase_traces_of(Connection& connection, std::int64_t experiment) {
  std::vector<std::int64_t> traces;
  {
    SLUICE_TRY(select, connection.prepare("SELECT number FROM traces WHERE experiment = ? LIMIT ?"));
    select.bind(experiment).bind(rows_at_once / 10);
    for (;;) {
      SLUICE_TRY(row, select.step());
      if (!row) break;
      traces.push_back(select.integer(0));
    }
  }
  for (const auto trace : traces) SLUICE_DO(remove_trace(connection, trace));
  return traces.empty();
}

}  // namespace

Result<RemovedPage> removed_after(Connection& connection, Kind kind, std::int64_t after) {
  SLUICE_TRY(select, rows_of(connection, kind));
  select.bind(after).bind(rows_at_once);
  RemovedPage page;
  for (std::int64_t rows = 0;; ++rows) {
    SLUICE_TRY(row, select.step());
    if (!row) {
      page.is_last = rows < rows_at_once;
      return page;
    }
    page.last = select.integer(0);
    if (select.integer(4) != 0) continue;
    auto& record = page.records.emplace_back();
    record.kind = kind;
    record.number = page.last;
    record.id = select.text(1);
    record.workspace = select.text(2);
    record.experiment = select.integer(3);
    record.removed = time_of(select.integer(5));
    record.folder = folder_of(kind, select.text(6), record.id);
    record.why_needed = select.text(7);
  }
}

Result<void> erase_record(Connection& connection, const RemovedRecord& record, Time limit) {
  SLUICE_TRY(is_removed, is_removed_still(connection, record, limit));
  if (!is_removed) return {};
  if (record.kind == Kind::experiment) return erase_experiment(connection, record.number);
  if (!record.folder.empty()) SLUICE_DO(remove_artifacts(connection, record.workspace, record.folder));
  return record.kind == Kind::run ? erase_run(connection, record.number)
                                  : erase_logged_model(connection, record.number, record.id);
}

Result<bool> erase_leavings(Connection& connection) {
  SLUICE_TRY(of_models, connection.prepare(R"sql(
    WITH RECURSIVE each(id) AS (SELECT min(experiment) FROM logged_models UNION ALL
      SELECT (SELECT min(experiment) FROM logged_models WHERE experiment > each.id) FROM each WHERE id IS NOT NULL)
    SELECT id FROM each WHERE id IS NOT NULL AND id NOT IN (SELECT id FROM experiments))sql"));
  SLUICE_TRY(models, missing_experiments(std::move(of_models)));
  for (const auto experiment : models) {
    SLUICE_TRY(done, erase_models_of(connection, experiment));
    if (!done) return false;
  }
  SLUICE_TRY(of_traces, connection.prepare(R"sql(
    WITH RECURSIVE each(id) AS (SELECT min(experiment) FROM traces UNION ALL
      SELECT (SELECT min(experiment) FROM traces WHERE experiment > each.id) FROM each WHERE id IS NOT NULL)
    SELECT id FROM each WHERE id IS NOT NULL AND id NOT IN (SELECT id FROM experiments))sql"));
  SLUICE_TRY(traces, missing_experiments(std::move(of_traces)));
  for (const auto experiment : traces) {
    SLUICE_TRY(done, erase_traces_of(connection, experiment));
    if (!done) return false;
  }
  return true;
}

}  // namespace sluice::stores::sqlite
