#include <algorithm>

#include <fmt/format.h>

#include "sluice/stores/sqlite/columns.hpp"
#include "sluice/stores/sqlite/ledger_file.hpp"
#include "sluice/stores/sqlite/search_sql.hpp"
#include "sluice/stores/sqlite/sqlite_tracking.hpp"

namespace sluice::stores {

using sqlite::Connection;
using sqlite::SqlText;
using sqlite::Statement;

namespace {

using Comparator = ports::SearchCondition::Comparator;

Error unknown_experiment(std::int64_t id) {
  return user_error(Code::not_found, fmt::format("No Experiment with id={} exists", id));
}

Error name_is_taken(const std::string& name) {
  return user_error(Code::already_exists, fmt::format("Experiment(name={}) already exists.", name));
}

Result<std::vector<ports::KeyValue>> tags_of(Connection& connection, std::int64_t experiment) {
  SLUICE_TRY(select,
             connection.prepare("SELECT key, value FROM experiment_tags WHERE experiment = ? ORDER BY key"));
  select.bind(experiment);
  std::vector<ports::KeyValue> tags;
  for (;;) {
    SLUICE_TRY(has_row, select.step());
    if (!has_row) return tags;
    tags.push_back({.key = select.text(0), .value = select.text(1)});
  }
}

Result<void> put_tag(Connection& connection, std::int64_t experiment, const ports::KeyValue& tag) {
  SLUICE_TRY(upsert, connection.prepare("INSERT INTO experiment_tags(experiment, key, value) VALUES(?,?,?) "
                                        "ON CONFLICT(experiment, key) DO UPDATE SET value=excluded.value"));
  return upsert.bind(experiment).bind(tag.key).bind(tag.value).run();
}

constexpr const char* columns = "SELECT id, name, artifact_location, active, created_ms, updated_ms ";

/// Of a row with `columns`, without its tags.
ports::Experiment experiment_of(const Statement& select) {
  return {.id = select.integer(0),
          .name = select.text(1),
          .artifact_location = select.text(2),
          .active = select.integer(3) != 0,
          .created = sqlite::time_of(select.integer(4)),
          .updated = sqlite::time_of(select.integer(5)),
          .tags = {}};
}

Result<std::optional<ports::Experiment>> only_one(Connection& connection, Statement select) {
  SLUICE_TRY(has_row, select.step());
  if (!has_row) return std::nullopt;
  auto found = experiment_of(select);
  SLUICE_TRY(tags, tags_of(connection, found.id));
  found.tags = std::move(tags);
  return found;
}

std::string_view column_of(std::string_view attribute) {
  if (attribute == "creation_time") return "created_ms";
  if (attribute == "last_update_time") return "updated_ms";
  if (attribute == "experiment_id") return "id";
  return "name";
}

void add_condition(SqlText& sql, const ports::SearchCondition& condition) {
  if (condition.field == ports::SearchField::attribute) {
    sql.add(" AND ").compare(column_of(condition.key), condition);
    return;
  }
  sql.add(condition.comparator == Comparator::is_null ? " AND NOT EXISTS(" : " AND EXISTS(");
  sql.add("SELECT 1 FROM experiment_tags WHERE experiment = id AND key = ").value(condition.key);
  if (condition.comparator != Comparator::is_null && condition.comparator != Comparator::is_not_null)
    sql.add(" AND ").compare("value", condition);
  sql.add(")");
}

}  // namespace

Result<ports::Experiment> SqliteTracking::create_experiment(const ports::NewExperiment& experiment) {
  ports::Experiment made{.name = experiment.name,
                         .artifact_location = experiment.artifact_location,
                         .created = experiment.at,
                         .updated = experiment.at,
                         .tags = experiment.tags};
  SLUICE_DO(file_->write(durability_, [&](Connection& connection) -> Result<void> {
    const auto at = sqlite::milliseconds(experiment.at);
    // Numbers begin with 0, as clients expect of the experiment that is always there.
    SLUICE_TRY(insert, connection.prepare(R"sql(
      INSERT INTO experiments(id, workspace, principal, name, artifact_location, active, created_ms, updated_ms)
      VALUES((SELECT coalesce(max(id) + 1, 0) FROM experiments),?,?,?,?,1,?,?) ON CONFLICT DO NOTHING)sql"));
    insert.bind(experiment.principal.workspace).bind(experiment.principal.name).bind(experiment.name);
    SLUICE_DO(insert.bind(experiment.artifact_location).bind(at).bind(at).run());
    if (connection.changes() == 0) return Fail(name_is_taken(experiment.name));
    SLUICE_TRY(id, connection.prepare("SELECT max(id) FROM experiments"));
    SLUICE_DO(id.step());
    made.id = id.integer(0);
    if (made.artifact_location.empty()) {
      made.artifact_location = experiment.artifact_root + std::to_string(made.id);
      SLUICE_TRY(update, connection.prepare("UPDATE experiments SET artifact_location = ? WHERE id = ?"));
      SLUICE_DO(update.bind(made.artifact_location).bind(made.id).run());
    }
    for (const auto& tag : experiment.tags) SLUICE_DO(put_tag(connection, made.id, tag));
    return {};
  }));
  return made;
}

Result<ports::Experiment> SqliteTracking::experiment(const std::string& workspace, std::int64_t id) const {
  return file_->read([&](Connection& connection) -> Result<ports::Experiment> {
    SLUICE_TRY(select,
               connection.prepare("SELECT id, name, artifact_location, active, created_ms, updated_ms "
                                  "FROM experiments WHERE id = ? AND workspace = ?"));
    select.bind(id).bind(workspace);
    SLUICE_TRY(found, only_one(connection, std::move(select)));
    if (!found) return Fail(unknown_experiment(id));
    return std::move(*found);
  });
}

Result<std::optional<ports::Experiment>> SqliteTracking::experiment_named(const std::string& workspace,
                                                                          const std::string& name) const {
  return file_->read([&](Connection& connection) -> Result<std::optional<ports::Experiment>> {
    SLUICE_TRY(select,
               connection.prepare("SELECT id, name, artifact_location, active, created_ms, updated_ms "
                                  "FROM experiments WHERE workspace = ? AND name = ?"));
    select.bind(workspace).bind(name);
    return only_one(connection, std::move(select));
  });
}

Result<void> SqliteTracking::change_experiment(const std::string& workspace, std::int64_t id,
                                               const ports::ExperimentChange& change) {
  return file_->write(durability_, [&](Connection& connection) -> Result<void> {
    const auto at = sqlite::milliseconds(change.at);
    {
      SLUICE_TRY(known,
                 connection.prepare("SELECT name, active FROM experiments WHERE id = ? AND workspace = ?"));
      SLUICE_TRY(has_row, known.bind(id).bind(workspace).step());
      if (!has_row) return Fail(unknown_experiment(id));
    }
    if (change.name) {
      SLUICE_TRY(rename, connection.prepare("UPDATE OR IGNORE experiments SET name = ?, updated_ms = ? "
                                            "WHERE id = ?"));
      SLUICE_DO(rename.bind(*change.name).bind(at).bind(id).run());
      if (connection.changes() == 0) return Fail(name_is_taken(*change.name));
    }
    if (change.active) {
      SLUICE_TRY(update,
                 connection.prepare("UPDATE experiments SET active = ?, updated_ms = ? WHERE id = ?"));
      SLUICE_DO(update.bind(std::int64_t{*change.active}).bind(at).bind(id).run());
      SLUICE_TRY(runs, connection.prepare("UPDATE tracked_runs SET active = ?, removed_ms = CASE WHEN ? THEN "
                                          "NULL ELSE ? END WHERE experiment = ?"));
      runs.bind(std::int64_t{*change.active}).bind(std::int64_t{*change.active}).bind(at).bind(id);
      SLUICE_DO(runs.run());
    }
    if (change.tag) SLUICE_DO(put_tag(connection, id, *change.tag));
    if (change.removed_tag) {
      SLUICE_TRY(remove, connection.prepare("DELETE FROM experiment_tags WHERE experiment = ? AND key = ?"));
      SLUICE_DO(remove.bind(id).bind(*change.removed_tag).run());
      if (connection.changes() == 0)
        return Fail(user_error(Code::not_found, fmt::format("No tag with name: {} in experiment with id {}",
                                                            *change.removed_tag, id)));
    }
    return {};
  });
}

Result<std::vector<ports::Experiment>> SqliteTracking::experiments(const std::string& workspace,
                                                                   const ports::Search& search) const {
  SqlText sql;
  sql.add(columns).add("FROM experiments WHERE workspace = ").value(workspace);
  if (search.lifecycle != ports::Lifecycle::any)
    sql.add(search.lifecycle == ports::Lifecycle::active ? " AND active = 1" : " AND active = 0");
  for (const auto& condition : search.conditions) add_condition(sql, condition);
  for (std::size_t i = 0; i < search.order.size(); ++i)
    sql.add(i == 0 ? " ORDER BY " : ", ")
        .add(column_of(search.order[i].key))
        .add(search.order[i].ascending ? " ASC" : " DESC");
  sql.add(" LIMIT ").value(static_cast<std::int64_t>(search.limit));
  sql.add(" OFFSET ").value(static_cast<std::int64_t>(search.offset));
  return file_->read([&](Connection& connection) -> Result<std::vector<ports::Experiment>> {
    SLUICE_TRY(select, sql.prepare(connection));
    std::vector<ports::Experiment> found;
    for (;;) {
      SLUICE_TRY(has_row, select.step());
      if (!has_row) return found;
      found.push_back(experiment_of(select));
      SLUICE_TRY(tags, tags_of(connection, found.back().id));
      found.back().tags = std::move(tags);
    }
  });
}

}  // namespace sluice::stores
