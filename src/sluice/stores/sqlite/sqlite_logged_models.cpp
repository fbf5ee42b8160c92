#include "sluice/stores/sqlite/sqlite_logged_models.hpp"

#include <fmt/format.h>

#include "sluice/stores/sqlite/columns.hpp"
#include "sluice/stores/sqlite/ledger_file.hpp"
#include "sluice/stores/sqlite/search_sql.hpp"

namespace sluice::stores {

using sqlite::Connection;
using sqlite::SqlText;
using sqlite::Statement;

namespace {

using ports::LoggedModel;
using ports::SearchCondition;
using ports::SearchField;
using Comparator = SearchCondition::Comparator;

// Numbers as MLflow has them.
std::int64_t number_of(ports::LoggedModelStatus status) { return static_cast<std::int64_t>(status) + 1; }
ports::LoggedModelStatus status_of(std::int64_t number) {
  if (number == 2) return ports::LoggedModelStatus::ready;
  return number == 3 ? ports::LoggedModelStatus::upload_failed : ports::LoggedModelStatus::pending;
}

Error unknown_model(const std::string& id) {
  return user_error(Code::not_found, fmt::format("Logged model with ID '{}' not found.", id));
}

/// Metrics may be logged to models that are not known, so they name the model by its id.
Result<std::int64_t> number_of_model(Connection& connection, const std::string& workspace,
                                     const std::string& id) {
  SLUICE_TRY(select, connection.prepare("SELECT number, workspace FROM logged_models WHERE id = ?"));
  SLUICE_TRY(has_row, select.bind(id).step());
  if (!has_row || select.text(1) != workspace) return Fail(unknown_model(id));
  return select.integer(0);
}

Result<void> put_parameter(Connection& connection, std::int64_t model, const ports::KeyValue& parameter) {
  SLUICE_TRY(upsert,
             connection.prepare("INSERT INTO logged_model_parameters(model, key, value) VALUES(?,?,?) "
                                "ON CONFLICT(model, key) DO UPDATE SET value=excluded.value"));
  return upsert.bind(model).bind(parameter.key).bind(parameter.value).run();
}

Result<void> put_tag(Connection& connection, std::int64_t model, const ports::KeyValue& tag) {
  SLUICE_TRY(upsert, connection.prepare("INSERT INTO logged_model_tags(model, key, value) VALUES(?,?,?) "
                                        "ON CONFLICT(model, key) DO UPDATE SET value=excluded.value"));
  return upsert.bind(model).bind(tag.key).bind(tag.value).run();
}

Result<std::vector<ports::KeyValue>> pairs_of(Statement select, std::int64_t model) {
  select.bind(model);
  std::vector<ports::KeyValue> pairs;
  for (;;) {
    SLUICE_TRY(has_row, select.step());
    if (!has_row) return pairs;
    pairs.push_back({.key = select.text(0), .value = select.text(1)});
  }
}

Result<LoggedModel> read_model(Connection& connection, std::int64_t number) {
  LoggedModel model;
  {
    SLUICE_TRY(select, connection.prepare("SELECT id, experiment, name, artifact_location, created_ms, "
                                          "updated_ms, status, type, source_run, active FROM logged_models "
                                          "WHERE number = ?"));
    SLUICE_TRY(has_row, select.bind(number).step());
    SLUICE_CHECK(has_row);
    model.id = select.text(0);
    model.experiment = select.integer(1);
    model.name = select.text(2);
    model.artifact_location = select.text(3);
    model.created = sqlite::time_of(select.integer(4));
    model.updated = sqlite::time_of(select.integer(5));
    model.status = status_of(select.integer(6));
    model.type = select.text(7);
    model.source_run = select.text(8);
    model.active = select.integer(9) != 0;
  }
  SLUICE_TRY(parameters, connection.prepare(
                             "SELECT key, value FROM logged_model_parameters WHERE model = ? ORDER BY key"));
  SLUICE_TRY(read_parameters, pairs_of(std::move(parameters), number));
  model.parameters = std::move(read_parameters);
  SLUICE_TRY(tags,
             connection.prepare("SELECT key, value FROM logged_model_tags WHERE model = ? ORDER BY key"));
  SLUICE_TRY(read_tags, pairs_of(std::move(tags), number));
  model.tags = std::move(read_tags);
  SLUICE_TRY(metrics,
             connection.prepare("SELECT key, step, at_ms, value, run, dataset_name, dataset_digest FROM "
                                "logged_model_metrics WHERE model = ? ORDER BY key, at_ms, step"));
  metrics.bind(model.id);
  for (;;) {
    SLUICE_TRY(has_row, metrics.step());
    if (!has_row) return model;
    model.metrics.push_back({.metric = {.key = metrics.text(0),
                                        .point = {.step = metrics.integer(1),
                                                  .at_ms = metrics.integer(2),
                                                  .value = metrics.real(3)}},
                             .run = metrics.text(4),
                             .dataset_name = metrics.text(5),
                             .dataset_digest = metrics.text(6)});
  }
}

std::string_view column_of(std::string_view attribute) {
  if (attribute == "model_id") return "m.id";
  if (attribute == "experiment_id") return "CAST(m.experiment AS TEXT)";
  if (attribute == "model_type") return "m.type";
  if (attribute == "source_run_id") return "m.source_run";
  if (attribute == "status") return "m.status";
  if (attribute == "artifact_location") return "m.artifact_location";
  if (attribute == "creation_timestamp") return "m.created_ms";
  if (attribute == "last_updated_timestamp") return "m.updated_ms";
  return "m.name";
}

void add_datasets(SqlText& sql, const std::vector<ports::LoggedModels::DatasetFilter>& datasets) {
  sql.add("(");
  for (std::size_t i = 0; i < datasets.size(); ++i) {
    sql.add(i == 0 ? "" : " OR ").add("(v.dataset_name = ").value(datasets[i].name);
    if (!datasets[i].digest.empty()) sql.add(" AND v.dataset_digest = ").value(datasets[i].digest);
    sql.add(")");
  }
  sql.add(")");
}

void add_condition(SqlText& sql, const SearchCondition& condition,
                   const std::vector<ports::LoggedModels::DatasetFilter>& datasets) {
  if (condition.field == SearchField::attribute) {
    sql.add(" AND ").compare(column_of(condition.key), condition);
    return;
  }
  sql.add(" AND EXISTS(SELECT 1 FROM ");
  if (condition.field == SearchField::metric)
    sql.add("logged_model_metrics v WHERE v.model = m.id");
  else if (condition.field == SearchField::parameter)
    sql.add("logged_model_parameters v WHERE v.model = m.number");
  else
    sql.add("logged_model_tags v WHERE v.model = m.number");
  sql.add(" AND v.key = ").value(condition.key).add(" AND ").compare("v.value", condition);
  if (condition.field == SearchField::metric && !datasets.empty()) {
    sql.add(" AND ");
    add_datasets(sql, datasets);
  }
  sql.add(")");
}

void add_order(SqlText& sql, const ports::SearchOrder& order) {
  if (order.field == SearchField::attribute) {
    sql.add(column_of(order.key));
  } else {
    // The newest one, by whichever run.
    sql.add("(SELECT v.value FROM logged_model_metrics v WHERE v.model = m.id AND v.key = ").value(order.key);
    sql.add(" ORDER BY v.at_ms DESC, v.step DESC, v.run LIMIT 1)");
  }
  sql.add(order.ascending ? " ASC" : " DESC").add(" NULLS LAST");
}

}  // namespace

Result<void> SqliteLoggedModels::create_model(const Principal& principal, const LoggedModel& model) {
  return file_->write(durability_, [&](Connection& connection) -> Result<void> {
    SLUICE_TRY(insert, connection.prepare(R"sql(
      INSERT INTO logged_models(id, workspace, principal, experiment, name, artifact_location, created_ms,
        updated_ms, status, type, source_run, active) VALUES(?,?,?,?,?,?,?,?,?,?,?,?))sql"));
    insert.bind(model.id).bind(principal.workspace).bind(principal.name).bind(model.experiment);
    insert.bind(model.name).bind(model.artifact_location).bind(sqlite::milliseconds(model.created));
    insert.bind(sqlite::milliseconds(model.updated)).bind(number_of(model.status)).bind(model.type);
    SLUICE_DO(insert.bind(model.source_run).bind(std::int64_t{model.active}).run());
    SLUICE_TRY(number, number_of_model(connection, principal.workspace, model.id));
    for (const auto& parameter : model.parameters) SLUICE_DO(put_parameter(connection, number, parameter));
    for (const auto& tag : model.tags) SLUICE_DO(put_tag(connection, number, tag));
    return {};
  });
}

Result<LoggedModel> SqliteLoggedModels::model(const std::string& workspace, const std::string& id) const {
  return file_->read([&](Connection& connection) -> Result<LoggedModel> {
    SLUICE_TRY(number, number_of_model(connection, workspace, id));
    return read_model(connection, number);
  });
}

Result<LoggedModel> SqliteLoggedModels::change_model(const std::string& workspace, const std::string& id,
                                                     const ports::LoggedModelChange& change) {
  LoggedModel changed;
  SLUICE_DO(file_->write(durability_, [&](Connection& connection) -> Result<void> {
    SLUICE_TRY(number, number_of_model(connection, workspace, id));
    if (change.status || change.active) {
      SLUICE_TRY(update, connection.prepare("UPDATE logged_models SET status = coalesce(?, status), active = "
                                            "coalesce(?, active), updated_ms = ? WHERE number = ?"));
      if (change.status)
        update.bind(number_of(*change.status));
      else
        update.bind_null();
      if (change.active)
        update.bind(std::int64_t{*change.active});
      else
        update.bind_null();
      SLUICE_DO(update.bind(sqlite::milliseconds(change.at)).bind(number).run());
    }
    for (const auto& parameter : change.parameters) SLUICE_DO(put_parameter(connection, number, parameter));
    for (const auto& tag : change.tags) SLUICE_DO(put_tag(connection, number, tag));
    if (change.removed_tag) {
      SLUICE_TRY(remove, connection.prepare("DELETE FROM logged_model_tags WHERE model = ? AND key = ?"));
      SLUICE_DO(remove.bind(number).bind(*change.removed_tag).run());
      if (connection.changes() == 0)
        return Fail(user_error(
            Code::not_found,
            fmt::format("No tag with key '{}' found for model with ID '{}'.", *change.removed_tag, id)));
    }
    SLUICE_TRY(read, read_model(connection, number));
    changed = std::move(read);
    return {};
  }));
  return changed;
}

Result<void> SqliteLoggedModels::add_metrics(const std::string& id,
                                             const std::vector<ports::LoggedModelMetric>& metrics) {
  return file_->write(durability_, [&](Connection& connection) -> Result<void> {
    for (const auto& metric : metrics) {
      SLUICE_TRY(insert, connection.prepare(R"sql(
        INSERT INTO logged_model_metrics(model, key, at_ms, step, run, dataset_name, dataset_digest, value)
        VALUES(?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING)sql"));
      const auto& point = metric.metric.point;
      insert.bind(id).bind(metric.metric.key).bind(point.at_ms).bind(point.step).bind(metric.run);
      SLUICE_DO(insert.bind(metric.dataset_name).bind(metric.dataset_digest).bind(point.value).run());
    }
    return {};
  });
}

Result<std::vector<LoggedModel>> SqliteLoggedModels::models(
    const std::string& workspace, const std::vector<std::int64_t>& experiments, const ports::Search& search,
    const std::vector<DatasetFilter>& datasets) const {
  SqlText sql;
  sql.add("SELECT m.number FROM logged_models m WHERE m.workspace = ").value(workspace);
  sql.add(" AND m.experiment IN (");
  for (std::size_t i = 0; i < experiments.size(); ++i) sql.add(i == 0 ? "" : ",").value(experiments[i]);
  sql.add(")");
  if (search.lifecycle != ports::Lifecycle::any)
    sql.add(search.lifecycle == ports::Lifecycle::active ? " AND m.active = 1" : " AND m.active = 0");
  bool has_metric = false;
  for (const auto& condition : search.conditions) {
    add_condition(sql, condition, datasets);
    has_metric = has_metric || condition.field == SearchField::metric;
  }
  if (!datasets.empty() && !has_metric) {
    sql.add(" AND EXISTS(SELECT 1 FROM logged_model_metrics v WHERE v.model = m.id AND ");
    add_datasets(sql, datasets);
    sql.add(")");
  }
  for (std::size_t i = 0; i < search.order.size(); ++i) {
    sql.add(i == 0 ? " ORDER BY " : ", ");
    add_order(sql, search.order[i]);
  }
  sql.add(" LIMIT ").value(static_cast<std::int64_t>(search.limit));
  sql.add(" OFFSET ").value(static_cast<std::int64_t>(search.offset));
  return file_->read([&](Connection& connection) -> Result<std::vector<LoggedModel>> {
    SLUICE_TRY(select, sql.prepare(connection));
    std::vector<LoggedModel> found;
    for (;;) {
      SLUICE_TRY(has_row, select.step());
      if (!has_row) return found;
      SLUICE_TRY(model, read_model(connection, select.integer(0)));
      found.push_back(std::move(model));
    }
  });
}

}  // namespace sluice::stores
