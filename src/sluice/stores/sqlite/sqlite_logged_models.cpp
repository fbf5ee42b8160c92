#include "sluice/stores/sqlite/sqlite_logged_models.hpp"

#include <fmt/format.h>

#include "sluice/stores/sqlite/columns.hpp"
#include "sluice/stores/sqlite/ledger_file.hpp"
#include "sluice/stores/sqlite/logged_model_rows.hpp"
#include "sluice/stores/sqlite/search_sql.hpp"

namespace sluice::stores {

using sqlite::Connection;
using sqlite::SqlText;

namespace {

using ports::LoggedModel;
using ports::SearchCondition;
using ports::SearchField;
using Comparator = SearchCondition::Comparator;

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
    SLUICE_DO(sqlite::insert_logged_model(connection, principal, model));
    SLUICE_TRY(number, sqlite::number_of_model(connection, principal.workspace, model.id));
    for (const auto& parameter : model.parameters)
      SLUICE_DO(sqlite::put_model_parameter(connection, number, parameter));
    for (const auto& tag : model.tags) SLUICE_DO(sqlite::put_model_tag(connection, number, tag));
    return {};
  });
}

Result<LoggedModel> SqliteLoggedModels::model(const std::string& workspace, const std::string& id) const {
  return file_->read([&](Connection& connection) -> Result<LoggedModel> {
    SLUICE_TRY(number, sqlite::number_of_model(connection, workspace, id));
    return sqlite::read_logged_model(connection, number);
  });
}

Result<LoggedModel> SqliteLoggedModels::change_model(const std::string& workspace, const std::string& id,
                                                     const ports::LoggedModelChange& change) {
  LoggedModel changed;
  SLUICE_DO(file_->write(durability_, [&](Connection& connection) -> Result<void> {
    SLUICE_TRY(number, sqlite::number_of_model(connection, workspace, id));
    if (change.status || change.active) {
      SLUICE_TRY(update, connection.prepare("UPDATE logged_models SET status = coalesce(?, status), active = "
                                            "coalesce(?, active), updated_ms = ? WHERE number = ?"));
      if (change.status)
        update.bind(sqlite::number_of(*change.status));
      else
        update.bind_null();
      if (change.active)
        update.bind(std::int64_t{*change.active});
      else
        update.bind_null();
      SLUICE_DO(update.bind(sqlite::milliseconds(change.at)).bind(number).run());
    }
    for (const auto& parameter : change.parameters)
      SLUICE_DO(sqlite::put_model_parameter(connection, number, parameter));
    for (const auto& tag : change.tags) SLUICE_DO(sqlite::put_model_tag(connection, number, tag));
    if (change.removed_tag) {
      SLUICE_TRY(remove, connection.prepare("DELETE FROM logged_model_tags WHERE model = ? AND key = ?"));
      SLUICE_DO(remove.bind(number).bind(*change.removed_tag).run());
      if (connection.changes() == 0)
        return Fail(user_error(
            Code::not_found,
            fmt::format("No tag with key '{}' found for model with ID '{}'.", *change.removed_tag, id)));
    }
    SLUICE_TRY(read, sqlite::read_logged_model(connection, number));
    changed = std::move(read);
    return {};
  }));
  return changed;
}

Result<void> SqliteLoggedModels::add_metrics(const std::string& id,
                                             const std::vector<ports::LoggedModelMetric>& metrics) {
  return file_->write(durability_, [&](Connection& connection) -> Result<void> {
    for (const auto& metric : metrics) SLUICE_DO(sqlite::put_model_metric(connection, id, metric));
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
      SLUICE_TRY(model, sqlite::read_logged_model(connection, select.integer(0)));
      found.push_back(std::move(model));
    }
  });
}

}  // namespace sluice::stores
