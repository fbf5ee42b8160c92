// What clients log about runs.
#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "sluice/base/json.hpp"
#include "sluice/stores/sqlite/columns.hpp"
#include "sluice/stores/sqlite/ledger_file.hpp"
#include "sluice/stores/sqlite/metric_history.hpp"
#include "sluice/stores/sqlite/run_record.hpp"
#include "sluice/stores/sqlite/sqlite_tracking.hpp"
#include "sluice/stores/sqlite/tracked_run_rows.hpp"

namespace sluice::stores {

using sqlite::Connection;

namespace {

Result<void> remove_tag(Connection& connection, std::int64_t run, const std::string& id,
                        const std::string& key) {
  SLUICE_TRY(remove, connection.prepare("DELETE FROM tracked_tags WHERE run = ? AND key = ?"));
  SLUICE_DO(remove.bind(run).bind(key).run());
  if (connection.changes() > 0) return {};
  return Fail(user_error(Code::not_found, fmt::format("No tag with name: {} in run with id {}", key, id)));
}

/// Returns the newest points of these metrics.
Result<std::vector<ports::Metric>> put_metrics(Connection& connection, sqlite::MetricPlace place,
                                               const std::vector<ports::Metric>& metrics) {
  std::vector<ports::Metric> newest;
  std::map<std::string_view, std::vector<ports::MetricPoint>> by_key;
  for (const auto& metric : metrics) by_key[metric.key].push_back(metric.point);
  for (const auto& [name, points] : by_key) {
    std::string key(name);
    SLUICE_TRY(point, sqlite::add_points(connection, place, key, points));
    newest.push_back({.key = std::move(key), .point = point});
  }
  return newest;
}

template <typename Entry>
void replace_by_key(std::vector<Entry>& entries, Entry entry) {
  const auto place = std::ranges::lower_bound(entries, entry.key, {}, &Entry::key);
  if (place != entries.end() && place->key == entry.key)
    *place = std::move(entry);
  else
    entries.insert(place, std::move(entry));
}

/// Records larger than this are made when the run ends, not with each change.
constexpr std::size_t record_kept_max = 16'384;

/// Keeps the record as the rows are, after a change.
Result<void> renew_record(Connection& connection, std::int64_t run, const ports::TrackedRunChange& change,
                          std::vector<ports::Metric> newest) {
  const bool ends = change.status && *change.status != ports::TrackedStatus::running &&
                    *change.status != ports::TrackedStatus::scheduled;
  SLUICE_TRY(before, sqlite::stored_record(connection, run));
  if (!ends && (before.empty() || before.size() > record_kept_max)) {
    if (before.empty()) return {};
    SLUICE_TRY(remove, connection.prepare("DELETE FROM tracked_records WHERE run = ?"));
    return remove.bind(run).run();
  }
  ports::TrackedRun logged;
  if (before.empty() || !change.datasets.empty() || !change.model_inputs.empty() ||
      !change.model_outputs.empty()) {
    SLUICE_DO(sqlite::read_parts(connection, run, logged));
  } else {
    SLUICE_DO(sqlite::read_record(before, logged));
    for (auto& metric : newest) replace_by_key(logged.metrics, std::move(metric));
    for (const auto& parameter : change.parameters) replace_by_key(logged.parameters, parameter);
    for (const auto& tag : change.tags) replace_by_key(logged.tags, tag);
    if (change.removed_tag)
      std::erase_if(logged.tags, [&](const auto& tag) { return tag.key == *change.removed_tag; });
  }
  const auto after = sqlite::record_of(logged);
  return after == before ? Result<void>() : sqlite::write_record(connection, run, after);
}

Result<void> change_info(Connection& connection, std::int64_t run, const ports::TrackedRunChange& change) {
  if (change.status) {
    SLUICE_TRY(update, connection.prepare("UPDATE tracked_runs SET status = ? WHERE number = ?"));
    SLUICE_DO(update.bind(ports::name(*change.status)).bind(run).run());
  }
  if (change.ended_ms) {
    SLUICE_TRY(update, connection.prepare("UPDATE tracked_runs SET ended_ms = ? WHERE number = ?"));
    SLUICE_DO(update.bind(*change.ended_ms).bind(run).run());
  }
  if (change.name) {
    SLUICE_TRY(update, connection.prepare("UPDATE tracked_runs SET name = ? WHERE number = ?"));
    SLUICE_DO(update.bind(*change.name).bind(run).run());
  }
  return {};
}

}  // namespace

Result<void> SqliteTracking::create_run(const ports::NewTrackedRun& made) {
  return file_->write(durability_, [&](Connection& connection) -> Result<void> {
    SLUICE_TRY(number, sqlite::insert_tracked_run(connection, made));
    if (number) return {};
    return Fail(user_error(Code::already_exists, fmt::format("Run with id={} already exists", made.run.id)));
  });
}

Result<std::vector<ports::ParameterConflict>> SqliteTracking::change_run(
    const std::string& workspace, const std::string& id, const ports::TrackedRunChange& change) {
  std::vector<ports::ParameterConflict> conflicts;
  const auto done = file_->write(durability_, [&](Connection& connection) -> Result<void> {
    SLUICE_TRY(run, sqlite::find_tracked_run(connection, workspace, id));
    if (!run.active)
      return Fail(
          user_error(Code::failed_precondition,
                     fmt::format("The run {} must be in the 'active' state. Current state is deleted.", id)));
    for (const auto& parameter : change.parameters) {
      SLUICE_TRY(other, sqlite::put_parameter(connection, run.number, parameter));
      if (other) conflicts.push_back({.key = parameter.key, .stored = *other, .sent = parameter.value});
    }
    if (!conflicts.empty()) return Fail(user_error(Code::conflict, "parameters"));  // rolls back
    SLUICE_DO(change_info(connection, run.number, change));
    SLUICE_TRY(newest,
               put_metrics(connection, {.run = run.number, .experiment = run.experiment}, change.metrics));
    for (const auto& tag : change.tags) SLUICE_DO(sqlite::put_tag(connection, run.number, tag));
    if (change.removed_tag) SLUICE_DO(remove_tag(connection, run.number, id, *change.removed_tag));
    SLUICE_DO(sqlite::put_datasets(connection, run.number, change.datasets));
    for (const auto& use : change.model_inputs)
      SLUICE_DO(sqlite::put_model_use(connection, run.number, false, use));
    for (const auto& use : change.model_outputs)
      SLUICE_DO(sqlite::put_model_use(connection, run.number, true, use));
    return renew_record(connection, run.number, change, std::move(newest));
  });
  if (conflicts.empty() && !done) return Fail(done.error());
  return conflicts;
}

Result<void> SqliteTracking::set_active(const std::string& workspace, const std::string& id, bool active,
                                        Time at) {
  return file_->write(durability_, [&](Connection& connection) -> Result<void> {
    SLUICE_TRY(run, sqlite::find_tracked_run(connection, workspace, id));
    SLUICE_TRY(update,
               connection.prepare("UPDATE tracked_runs SET active = ?, removed_ms = ? WHERE number = ?"));
    update.bind(std::int64_t{active});
    if (active)
      update.bind_null();
    else
      update.bind(sqlite::milliseconds(at));
    return update.bind(run.number).run();
  });
}

}  // namespace sluice::stores
