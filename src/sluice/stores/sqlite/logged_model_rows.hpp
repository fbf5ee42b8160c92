#pragma once
// Rows of logged models, and of what belongs to them.
#include <string>
#include <vector>

#include "sluice/ports/logged_models.hpp"
#include "sluice/stores/sqlite/connection.hpp"

namespace sluice::stores::sqlite {

/// As it is stored: the number that MLflow has for it.
std::int64_t number_of(ports::LoggedModelStatus status);
ports::LoggedModelStatus status_of(std::int64_t number);

/// Code::not_found if there is none in the workspace.
Result<std::int64_t> number_of_model(Connection& connection, const std::string& workspace,
                                     const std::string& id);
/// The two columns of each row of `select`, which is for one id or number.
Result<std::vector<ports::KeyValue>> pairs_of(Statement select, std::int64_t owner);
/// All of the model with this number, which must be there.
Result<ports::LoggedModel> read_logged_model(Connection& connection, std::int64_t number);

/// Without parameters, tags and metrics; likewise the update.
Result<void> insert_logged_model(Connection& connection, const Principal& principal,
                                 const ports::LoggedModel& model);
Result<void> update_logged_model(Connection& connection, std::int64_t number,
                                 const ports::LoggedModel& model);
Result<void> put_model_parameter(Connection& connection, std::int64_t model,
                                 const ports::KeyValue& parameter);
Result<void> put_model_tag(Connection& connection, std::int64_t model, const ports::KeyValue& tag);
/// Unless there is one of the same time, step, run and dataset.
Result<void> put_model_metric(Connection& connection, const std::string& id,
                              const ports::LoggedModelMetric& metric);

}  // namespace sluice::stores::sqlite
