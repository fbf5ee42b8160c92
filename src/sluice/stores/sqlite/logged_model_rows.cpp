#include "sluice/stores/sqlite/logged_model_rows.hpp"

#include <fmt/format.h>

#include "sluice/stores/sqlite/columns.hpp"

namespace sluice::stores::sqlite {

using ports::LoggedModel;

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

Result<void> put_model_parameter(Connection& connection, std::int64_t model,
                                 const ports::KeyValue& parameter) {
  SLUICE_TRY(upsert,
             connection.prepare("INSERT INTO logged_model_parameters(model, key, value) VALUES(?,?,?) "
                                "ON CONFLICT(model, key) DO UPDATE SET value=excluded.value"));
  return upsert.bind(model).bind(parameter.key).bind(parameter.value).run();
}

Result<void> put_model_tag(Connection& connection, std::int64_t model, const ports::KeyValue& tag) {
  SLUICE_TRY(upsert, connection.prepare("INSERT INTO logged_model_tags(model, key, value) VALUES(?,?,?) "
                                        "ON CONFLICT(model, key) DO UPDATE SET value=excluded.value"));
  return upsert.bind(model).bind(tag.key).bind(tag.value).run();
}

Result<std::vector<ports::KeyValue>> pairs_of(Statement select, std::int64_t owner) {
  select.bind(owner);
  std::vector<ports::KeyValue> pairs;
  for (;;) {
    SLUICE_TRY(has_row, select.step());
    if (!has_row) return pairs;
    pairs.push_back({.key = select.text(0), .value = select.text(1)});
  }
}

Result<LoggedModel> read_logged_model(Connection& connection, std::int64_t number) {
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
    model.created = time_of(select.integer(4));
    model.updated = time_of(select.integer(5));
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

Result<void> insert_logged_model(Connection& connection, const Principal& principal,
                                 const LoggedModel& model) {
  SLUICE_TRY(insert, connection.prepare(R"sql(
    INSERT INTO logged_models(id, workspace, principal, experiment, name, artifact_location, created_ms,
      updated_ms, status, type, source_run, active) VALUES(?,?,?,?,?,?,?,?,?,?,?,?))sql"));
  insert.bind(model.id).bind(principal.workspace).bind(principal.name).bind(model.experiment);
  insert.bind(model.name).bind(model.artifact_location).bind(milliseconds(model.created));
  insert.bind(milliseconds(model.updated)).bind(number_of(model.status)).bind(model.type);
  return insert.bind(model.source_run).bind(std::int64_t{model.active}).run();
}

Result<void> update_logged_model(Connection& connection, std::int64_t number, const LoggedModel& model) {
  SLUICE_TRY(update, connection.prepare(R"sql(
    UPDATE logged_models SET name = ?, artifact_location = ?, created_ms = ?, updated_ms = ?, status = ?,
      type = ?, source_run = ?, active = ? WHERE number = ?)sql"));
  update.bind(model.name).bind(model.artifact_location).bind(milliseconds(model.created));
  update.bind(milliseconds(model.updated)).bind(number_of(model.status)).bind(model.type);
  return update.bind(model.source_run).bind(std::int64_t{model.active}).bind(number).run();
}

Result<void> put_model_metric(Connection& connection, const std::string& id,
                              const ports::LoggedModelMetric& metric) {
  SLUICE_TRY(insert, connection.prepare(R"sql(
    INSERT INTO logged_model_metrics(model, key, at_ms, step, run, dataset_name, dataset_digest, value)
    VALUES(?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING)sql"));
  const auto& point = metric.metric.point;
  insert.bind(id).bind(metric.metric.key).bind(point.at_ms).bind(point.step).bind(metric.run);
  return insert.bind(metric.dataset_name).bind(metric.dataset_digest).bind(point.value).run();
}

}  // namespace sluice::stores::sqlite
