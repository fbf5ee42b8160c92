#include "sluice/stores/sqlite/tracked_run_rows.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "sluice/base/json.hpp"
#include "sluice/stores/sqlite/run_record.hpp"

namespace sluice::stores::sqlite {
namespace {

Result<void> read_pairs(Statement select, std::int64_t run, std::vector<ports::KeyValue>& out) {
  select.bind(run);
  for (;;) {
    SLUICE_TRY(has_row, select.step());
    if (!has_row) return {};
    out.push_back({.key = select.text(0), .value = select.text(1)});
  }
}

Result<void> read_metrics(Connection& connection, std::int64_t run, std::vector<ports::Metric>& out) {
  SLUICE_TRY(select, connection.prepare(
                         "SELECT key, step, at_ms, value FROM tracked_metrics WHERE run = ? ORDER BY key"));
  select.bind(run);
  for (;;) {
    SLUICE_TRY(has_row, select.step());
    if (!has_row) return {};
    out.push_back(
        {.key = select.text(0),
         .point = {.step = select.integer(1), .at_ms = select.integer(2), .value = select.real(3)}});
  }
}

Result<void> read_datasets(Connection& connection, std::int64_t run, std::vector<ports::DatasetInput>& out) {
  SLUICE_TRY(select, connection.prepare("SELECT name, digest, source_type, source, schema, profile, tags "
                                        "FROM tracked_datasets WHERE run = ? ORDER BY position"));
  select.bind(run);
  for (;;) {
    SLUICE_TRY(has_row, select.step());
    if (!has_row) return {};
    ports::DatasetInput input{.name = select.text(0),
                              .digest = select.text(1),
                              .source_type = select.text(2),
                              .source = select.text(3),
                              .schema = select.text(4),
                              .profile = select.text(5),
                              .tags = {}};
    SLUICE_TRY(tags, parse_json(select.text(6), "tags of a dataset"));
    if (const auto* fields = tags.if_struct())
      for (const auto& [key, value] : *fields) input.tags.push_back({.key = key, .value = tags.text_at(key)});
    out.push_back(std::move(input));
  }
}

Result<void> read_model_uses(Connection& connection, std::int64_t run, ports::TrackedRun& out) {
  SLUICE_TRY(select,
             connection.prepare("SELECT is_output, model, step FROM tracked_model_uses WHERE run = ?"));
  select.bind(run);
  for (;;) {
    SLUICE_TRY(has_row, select.step());
    if (!has_row) return {};
    auto& uses = select.integer(0) != 0 ? out.model_outputs : out.model_inputs;
    uses.push_back({.model = select.text(1), .step = select.integer(2)});
  }
}

}  // namespace

Result<TrackedRunRow> find_tracked_run(Connection& connection, const std::string& workspace,
                                       const std::string& id) {
  SLUICE_TRY(select, connection.prepare("SELECT number, experiment, active, workspace FROM tracked_runs "
                                        "WHERE id = ?"));
  SLUICE_TRY(has_row, select.bind(id).step());
  if (!has_row || select.text(3) != workspace)
    return Fail(user_error(Code::not_found, fmt::format("Run with id={} not found", id)));
  return TrackedRunRow{
      .number = select.integer(0), .experiment = select.integer(1), .active = select.integer(2) != 0};
}

Result<void> read_parts(Connection& connection, std::int64_t number, ports::TrackedRun& run) {
  SLUICE_DO(read_metrics(connection, number, run.metrics));
  SLUICE_TRY(parameters,
             connection.prepare("SELECT key, value FROM tracked_parameters WHERE run = ? ORDER BY key"));
  SLUICE_DO(read_pairs(std::move(parameters), number, run.parameters));
  SLUICE_TRY(tags, connection.prepare("SELECT key, value FROM tracked_tags WHERE run = ? ORDER BY key"));
  SLUICE_DO(read_pairs(std::move(tags), number, run.tags));
  SLUICE_DO(read_datasets(connection, number, run.datasets));
  return read_model_uses(connection, number, run);
}

Result<std::string> stored_record(Connection& connection, std::int64_t number) {
  SLUICE_TRY(select, connection.prepare("SELECT record FROM tracked_records WHERE run = ?"));
  SLUICE_TRY(has_row, select.bind(number).step());
  return has_row ? select.text(0) : std::string();
}

Result<ports::TrackedRun> read_tracked_run(Connection& connection, std::int64_t number) {
  ports::TrackedRun run;
  {
    SLUICE_TRY(select, connection.prepare("SELECT id, experiment, name, user, status, started_ms, ended_ms, "
                                          "artifact_uri, active, record FROM tracked_runs LEFT JOIN "
                                          "tracked_records ON run = number WHERE number = ?"));
    SLUICE_TRY(has_row, select.bind(number).step());
    SLUICE_CHECK(has_row);
    run.id = select.text(0);
    run.experiment = select.integer(1);
    run.name = select.text(2);
    run.user = select.text(3);
    run.status = ports::tracked_status_named(select.text(4)).value_or(ports::TrackedStatus::failed);
    run.started_ms = select.integer(5);
    if (!select.is_null(6)) run.ended_ms = select.integer(6);
    run.artifact_uri = select.text(7);
    run.active = select.integer(8) != 0;
    if (!select.is_null(9)) {
      SLUICE_DO(read_record(select.text(9), run));
      return run;
    }
  }
  SLUICE_DO(read_parts(connection, number, run));
  return run;
}

Result<std::optional<std::string>> put_parameter(Connection& connection, std::int64_t run,
                                                 const ports::KeyValue& parameter) {
  SLUICE_TRY(insert,
             connection.prepare(
                 "INSERT INTO tracked_parameters(run, key, value) VALUES(?,?,?) ON CONFLICT DO NOTHING"));
  SLUICE_DO(insert.bind(run).bind(parameter.key).bind(parameter.value).run());
  if (connection.changes() > 0) return std::nullopt;
  SLUICE_TRY(select, connection.prepare("SELECT value FROM tracked_parameters WHERE run = ? AND key = ?"));
  SLUICE_DO(select.bind(run).bind(parameter.key).step());
  if (select.text(0) == parameter.value) return std::nullopt;
  return select.text(0);
}

Result<void> put_tag(Connection& connection, std::int64_t run, const ports::KeyValue& tag) {
  SLUICE_TRY(upsert, connection.prepare("INSERT INTO tracked_tags(run, key, value) VALUES(?,?,?) "
                                        "ON CONFLICT(run, key) DO UPDATE SET value=excluded.value"));
  return upsert.bind(run).bind(tag.key).bind(tag.value).run();
}

namespace {

Result<void> put_dataset(Connection& connection, std::int64_t run, std::int64_t position,
                         const ports::DatasetInput& input) {
  Struct tags;
  for (const auto& tag : input.tags) tags.set(tag.key, tag.value);
  const auto context = std::ranges::find(input.tags, "mlflow.data.context", &ports::KeyValue::key);
  const auto text = to_json(tags);
  SLUICE_TRY(insert, connection.prepare(R"sql(
    INSERT INTO tracked_datasets(run, name, digest, position, source_type, source, schema, profile, context, tags)
    VALUES(?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING)sql"));
  insert.bind(run).bind(input.name).bind(input.digest).bind(position).bind(input.source_type);
  insert.bind(input.source);
  insert.bind(input.schema).bind(input.profile);
  if (context == input.tags.end())
    insert.bind_null();
  else
    insert.bind(context->value);
  return insert.bind(text).run();
}

}  // namespace

Result<void> put_datasets(Connection& connection, std::int64_t run,
                          const std::vector<ports::DatasetInput>& inputs) {
  if (inputs.empty()) return {};
  std::int64_t position = 0;
  {
    SLUICE_TRY(count, connection.prepare("SELECT count(*) FROM tracked_datasets WHERE run = ?"));
    SLUICE_DO(count.bind(run).step());
    position = count.integer(0);
  }
  for (const auto& input : inputs) SLUICE_DO(put_dataset(connection, run, position++, input));
  return {};
}

Result<void> put_model_use(Connection& connection, std::int64_t run, bool is_output,
                           const ports::ModelUse& use) {
  SLUICE_TRY(insert,
             connection.prepare("INSERT INTO tracked_model_uses(run, is_output, model, step) VALUES(?,?,?,?) "
                                "ON CONFLICT DO NOTHING"));
  return insert.bind(run).bind(std::int64_t{is_output}).bind(use.model).bind(use.step).run();
}

Result<void> write_record(Connection& connection, std::int64_t run, const std::string& record) {
  SLUICE_TRY(upsert, connection.prepare("INSERT INTO tracked_records(run, record) VALUES(?,?) "
                                        "ON CONFLICT(run) DO UPDATE SET record=excluded.record"));
  return upsert.bind(run).bind_blob(record).run();
}

Result<std::optional<std::int64_t>> insert_tracked_run(Connection& connection,
                                                       const ports::NewTrackedRun& made) {
  const auto& run = made.run;
  {
    SLUICE_TRY(known, connection.prepare("SELECT active FROM experiments WHERE id = ? AND workspace = ?"));
    SLUICE_TRY(has_row, known.bind(run.experiment).bind(made.principal.workspace).step());
    if (!has_row)
      return Fail(
          user_error(Code::not_found, fmt::format("No Experiment with id={} exists", run.experiment)));
    if (known.integer(0) == 0)
      return Fail(
          user_error(Code::failed_precondition,
                     fmt::format("The experiment {} must be in the 'active' state. Current state is deleted.",
                                 run.experiment)));
  }
  SLUICE_TRY(insert, connection.prepare(R"sql(
    INSERT INTO tracked_runs(id, workspace, principal, experiment, name, user, status, started_ms, ended_ms,
      artifact_uri, active) VALUES(?,?,?,?,?,?,?,?,?,?,1) ON CONFLICT DO NOTHING)sql"));
  insert.bind(run.id).bind(made.principal.workspace).bind(made.principal.name).bind(run.experiment);
  insert.bind(run.name).bind(run.user).bind(ports::name(run.status)).bind(run.started_ms);
  if (run.ended_ms)
    insert.bind(*run.ended_ms);
  else
    insert.bind_null();
  SLUICE_DO(insert.bind(run.artifact_uri).run());
  if (connection.changes() == 0) return std::nullopt;
  SLUICE_TRY(select, connection.prepare("SELECT number FROM tracked_runs WHERE id = ?"));
  SLUICE_DO(select.bind(run.id).step());
  const auto number = select.integer(0);
  for (const auto& tag : run.tags) SLUICE_DO(put_tag(connection, number, tag));
  for (const auto& parameter : run.parameters) SLUICE_DO(put_parameter(connection, number, parameter));
  ports::TrackedRun logged;
  SLUICE_DO(read_parts(connection, number, logged));
  SLUICE_DO(write_record(connection, number, record_of(logged)));
  return number;
}

}  // namespace sluice::stores::sqlite
