#include "sluice/stores/sqlite/mlflow_database_target.hpp"

#include <algorithm>
#include <cmath>
#include <tuple>

#include <fmt/format.h>

#include "sluice/base/digest.hpp"
#include "sluice/base/json.hpp"
#include "sluice/base/words.hpp"
#include "sluice/stores/sqlite/columns.hpp"
#include "sluice/stores/sqlite/connection.hpp"
#include "sluice/stores/sqlite/logged_model_rows.hpp"
#include "sluice/stores/sqlite/trace_rows.hpp"
#include "sluice/stores/sqlite/tracked_run_rows.hpp"

namespace sluice::stores {

using sqlite::Connection;
using sqlite::Statement;
using sqlite::Transaction;

namespace {

using ports::Lack;

std::string_view stage_of(bool active) { return active ? "active" : "deleted"; }

/// 32 hexadecimal digits, the same for the same parts.
std::string identity_of(std::string_view kind, std::string_view a, std::string_view b, std::string_view c) {
  const auto text = fmt::format("{}\n{}:{}\n{}:{}\n{}", kind, a.size(), a, b.size(), b, c);
  return Digest::of(text).hex().substr(0, 32);
}

std::int64_t uses_of(const ports::TrackedRun& run) {
  return static_cast<std::int64_t>(run.datasets.size() + run.model_inputs.size() + run.model_outputs.size());
}

Result<std::int64_t> first_integer(Statement select) {
  SLUICE_TRY(has_row, select.step());
  return has_row ? select.integer(0) : 0;
}

/// Values that are no numbers are 0, with a mark.
void bind_value(Statement& statement, double value) {
  statement.bind(std::isnan(value) ? 0.0 : value).bind(std::int64_t{std::isnan(value)});
}

Result<void> insert_point(Connection& connection, const std::string& run, const std::string& key,
                          const ports::MetricPoint& point) {
  SLUICE_TRY(insert, connection.prepare("INSERT INTO metrics(key, run_uuid, timestamp, step, value, is_nan) "
                                        "VALUES(?,?,?,?,?,?) ON CONFLICT DO NOTHING"));
  insert.bind(key).bind(run).bind(point.at_ms).bind(point.step);
  bind_value(insert, point.value);
  return insert.run();
}

Result<void> put_newest(Connection& connection, const std::string& run, const ports::MetricHistory& history) {
  const auto order = [](const ports::MetricPoint& point) {
    return std::tuple(point.step, point.at_ms, std::isnan(point.value) ? 0.0 : point.value);
  };
  const auto newest = *std::ranges::max_element(history.points, {}, order);
  SLUICE_TRY(upsert, connection.prepare(R"sql(
    INSERT INTO latest_metrics(key, run_uuid, timestamp, step, value, is_nan) VALUES(?,?,?,?,?,?)
    ON CONFLICT(key, run_uuid) DO UPDATE SET timestamp=excluded.timestamp, step=excluded.step,
      value=excluded.value, is_nan=excluded.is_nan
    WHERE (excluded.step, excluded.timestamp, excluded.value) > (step, timestamp, value))sql"));
  upsert.bind(history.key).bind(run).bind(newest.at_ms).bind(newest.step);
  bind_value(upsert, newest.value);
  return upsert.run();
}

Result<void> insert_run(Connection& connection, const ports::TrackedRun& run, Time at) {
  SLUICE_TRY(insert, connection.prepare(R"sql(
    INSERT INTO runs(run_uuid, name, source_type, source_name, entry_point_name, user_id, status, start_time,
      end_time, source_version, lifecycle_stage, artifact_uri, experiment_id, deleted_time)
    VALUES(?,?,'UNKNOWN','','',?,?,?,?,'',?,?,?,?))sql"));
  insert.bind(run.id).bind(run.name).bind(run.user).bind(ports::name(run.status)).bind(run.started_ms);
  if (run.ended_ms)
    insert.bind(*run.ended_ms);
  else
    insert.bind_null();
  insert.bind(stage_of(run.active)).bind(run.artifact_uri).bind(run.experiment);
  if (run.active)
    insert.bind_null();
  else
    insert.bind(sqlite::milliseconds(at));
  return insert.run();
}

Result<void> insert_input(Connection& connection, const std::string& id, std::string_view from_type,
                          const std::string& from, std::string_view to_type, const std::string& to,
                          std::int64_t step) {
  SLUICE_TRY(insert,
             connection.prepare("INSERT INTO inputs(input_uuid, source_type, source_id, destination_type, "
                                "destination_id, step) VALUES(?,?,?,?,?,?) ON CONFLICT DO NOTHING"));
  return insert.bind(id).bind(from_type).bind(from).bind(to_type).bind(to).bind(step).run();
}

Result<void> insert_dataset(Connection& connection, const ports::TrackedRun& run,
                            const ports::DatasetInput& input) {
  const auto dataset = identity_of("dataset", std::to_string(run.experiment), input.name, input.digest);
  SLUICE_TRY(insert, connection.prepare(R"sql(
    INSERT INTO datasets(dataset_uuid, experiment_id, name, digest, dataset_source_type, dataset_source,
      dataset_schema, dataset_profile) VALUES(?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING)sql"));
  insert.bind(dataset).bind(run.experiment).bind(input.name).bind(input.digest).bind(input.source_type);
  SLUICE_DO(insert.bind(input.source).bind(input.schema).bind(input.profile).run());
  const auto use = identity_of("input", run.id, dataset, "");
  SLUICE_DO(insert_input(connection, use, "DATASET", dataset, "RUN", run.id, 0));
  for (const auto& tag : input.tags) {
    SLUICE_TRY(put,
               connection.prepare(
                   "INSERT INTO input_tags(input_uuid, name, value) VALUES(?,?,?) ON CONFLICT DO NOTHING"));
    SLUICE_DO(put.bind(use).bind(tag.key).bind(tag.value).run());
  }
  return {};
}

Result<void> insert_parts(Connection& connection, const ports::TrackedRun& run) {
  for (const auto& parameter : run.parameters) {
    SLUICE_TRY(insert, connection.prepare("INSERT INTO params(key, value, run_uuid) VALUES(?,?,?)"));
    SLUICE_DO(insert.bind(parameter.key).bind(parameter.value).bind(run.id).run());
  }
  for (const auto& tag : run.tags) {
    SLUICE_TRY(insert, connection.prepare("INSERT INTO tags(key, value, run_uuid) VALUES(?,?,?)"));
    SLUICE_DO(insert.bind(tag.key).bind(tag.value).bind(run.id).run());
  }
  for (const auto& input : run.datasets) SLUICE_DO(insert_dataset(connection, run, input));
  for (const auto& use : run.model_inputs)
    SLUICE_DO(insert_input(connection, identity_of("model input", run.id, use.model, ""), "RUN_INPUT", run.id,
                           "MODEL_INPUT", use.model, use.step));
  for (const auto& use : run.model_outputs)
    SLUICE_DO(insert_input(connection, identity_of("model output", run.id, use.model, ""), "RUN_OUTPUT",
                           run.id, "MODEL_OUTPUT", use.model, use.step));
  return {};
}

/// How many of the rows with this text in the one column there are.
Result<std::int64_t> count(Connection& connection, const char* sql, const std::string& id) {
  SLUICE_TRY(select, connection.prepare(sql));
  select.bind(id);
  return first_integer(std::move(select));
}

}  // namespace

struct MlflowDatabaseTarget::Impl {
  std::unique_ptr<Connection> connection;
  std::optional<Transaction> all;
  Time at;
};

MlflowDatabaseTarget::MlflowDatabaseTarget(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
MlflowDatabaseTarget::~MlflowDatabaseTarget() = default;

Result<std::unique_ptr<MlflowDatabaseTarget>> MlflowDatabaseTarget::open(const std::filesystem::path& file,
                                                                         Time at) {
  const auto refuse = [&](std::string_view why) {
    return Fail(
        user_error(Code::failed_precondition,
                   fmt::format("{}: {}; make an empty one with `mlflow db upgrade sqlite:///FILE` of {}",
                               file.string(), why, program)));
  };
  SLUICE_TRY(connection, Connection::open(file, Connection::Use::write));
  SLUICE_TRY(has_version,
             connection->query_value(
                 "SELECT count(*) FROM sqlite_master WHERE name IN ('alembic_version', 'runs')"));
  if (has_version != "2") return refuse("not a database of MLflow");
  SLUICE_TRY(version, connection->query_value("SELECT version_num FROM alembic_version"));
  if (version != schema)
    return refuse(fmt::format("its schema is `{}`, not `{}`, which this program writes", version, schema));
  SLUICE_TRY(runs, connection->query_value("SELECT (SELECT count(*) FROM runs) + (SELECT count(*) FROM "
                                           "logged_models)"));
  if (runs != "0") return refuse("it has runs already");
  SLUICE_TRY(models, connection->query_value("SELECT count(*) FROM registered_models"));
  if (models != "0") return refuse("it has registered models already");
  auto impl = std::make_unique<Impl>(Impl{.connection = std::move(connection), .all = {}, .at = at});
  SLUICE_TRY(transaction, Transaction::begin(*impl->connection));
  impl->all.emplace(std::move(transaction));
  return std::unique_ptr<MlflowDatabaseTarget>(new MlflowDatabaseTarget(std::move(impl)));
}

Result<void> MlflowDatabaseTarget::finish() { return impl_->all->commit(); }

Result<MlflowDatabaseTarget::PutExperiment> MlflowDatabaseTarget::put_experiment(
    const ports::Experiment& experiment) {
  auto& connection = *impl_->connection;
  PutExperiment put{.id = experiment.id, .lacked = {.all = true}};
  {
    // An empty one of its name, such as the default one, makes room, and so does one of its number.
    SLUICE_TRY(remove, connection.prepare("DELETE FROM experiments WHERE experiment_id = ? OR (name = ? AND "
                                          "workspace = 'default')"));
    SLUICE_DO(remove.bind(experiment.id).bind(experiment.name).run());
    SLUICE_TRY(tags, connection.prepare("DELETE FROM experiment_tags WHERE experiment_id NOT IN (SELECT "
                                        "experiment_id FROM experiments)"));
    SLUICE_DO(tags.run());
  }
  SLUICE_TRY(insert, connection.prepare(R"sql(
    INSERT INTO experiments(experiment_id, name, workspace, artifact_location, lifecycle_stage, creation_time,
      last_update_time) VALUES(?,?,'default',?,?,?,?))sql"));
  insert.bind(experiment.id).bind(experiment.name).bind(experiment.artifact_location);
  insert.bind(stage_of(experiment.active)).bind(sqlite::milliseconds(experiment.created));
  SLUICE_DO(insert.bind(sqlite::milliseconds(experiment.updated)).run());
  for (const auto& tag : experiment.tags) {
    SLUICE_TRY(put_tag,
               connection.prepare("INSERT INTO experiment_tags(key, value, experiment_id) VALUES(?,?,?)"));
    SLUICE_DO(put_tag.bind(tag.key).bind(tag.value).bind(experiment.id).run());
  }
  put.lacked.tags = static_cast<std::int64_t>(experiment.tags.size());
  return put;
}

Result<Lack> MlflowDatabaseTarget::put_run(const ports::TrackedRun& run,
                                           const std::vector<ports::MetricHistory>& histories) {
  auto& connection = *impl_->connection;
  SLUICE_TRY(known, count(connection, "SELECT count(*) FROM runs WHERE run_uuid = ?", run.id));
  Lack lacked{.all = known == 0};
  if (lacked.all) {
    SLUICE_DO(insert_run(connection, run, impl_->at));
    SLUICE_DO(insert_parts(connection, run));
    lacked.parameters = static_cast<std::int64_t>(run.parameters.size());
    lacked.tags = static_cast<std::int64_t>(run.tags.size());
    lacked.uses = uses_of(run);
  }
  for (const auto& history : histories) {
    for (const auto& point : history.points) SLUICE_DO(insert_point(connection, run.id, history.key, point));
    if (!history.points.empty()) SLUICE_DO(put_newest(connection, run.id, history));
    lacked.points += static_cast<std::int64_t>(history.points.size());
  }
  return lacked;
}

Result<Lack> MlflowDatabaseTarget::lack_of(const ports::TrackedRun& run,
                                           const std::vector<ports::MetricHistory>& histories) {
  auto& connection = *impl_->connection;
  Lack lack;
  SLUICE_TRY(runs, count(connection, "SELECT count(*) FROM runs WHERE run_uuid = ?", run.id));
  lack.all = runs == 0;
  SLUICE_TRY(parameters, count(connection, "SELECT count(*) FROM params WHERE run_uuid = ?", run.id));
  lack.parameters = static_cast<std::int64_t>(run.parameters.size()) - parameters;
  SLUICE_TRY(tags, count(connection, "SELECT count(*) FROM tags WHERE run_uuid = ?", run.id));
  lack.tags = static_cast<std::int64_t>(run.tags.size()) - tags;
  for (const auto& history : histories)
    for (const auto& point : history.points) {
      SLUICE_TRY(select,
                 connection.prepare("SELECT 1 FROM metrics WHERE key = ? AND run_uuid = ? AND timestamp "
                                    "= ? AND step = ? AND value = ? AND is_nan = ?"));
      select.bind(history.key).bind(run.id).bind(point.at_ms).bind(point.step);
      bind_value(select, point.value);
      SLUICE_TRY(has_row, select.step());
      if (!has_row) ++lack.points;
    }
  return lack;
}

Result<Lack> MlflowDatabaseTarget::put_model(const ports::LoggedModel& model) {
  auto& connection = *impl_->connection;
  {
    SLUICE_TRY(insert, connection.prepare(R"sql(
      INSERT INTO logged_models(model_id, experiment_id, name, artifact_location, creation_timestamp_ms,
        last_updated_timestamp_ms, status, lifecycle_stage, model_type, source_run_id)
      VALUES(?,?,?,?,?,?,?,?,?,?))sql"));
    insert.bind(model.id).bind(model.experiment).bind(model.name).bind(model.artifact_location);
    insert.bind(sqlite::milliseconds(model.created)).bind(sqlite::milliseconds(model.updated));
    insert.bind(sqlite::number_of(model.status)).bind(stage_of(model.active)).bind(model.type);
    SLUICE_DO(insert.bind(model.source_run).run());
  }
  for (const auto& parameter : model.parameters) {
    SLUICE_TRY(insert,
               connection.prepare("INSERT INTO logged_model_params(model_id, experiment_id, param_key, "
                                  "param_value) VALUES(?,?,?,?)"));
    SLUICE_DO(insert.bind(model.id).bind(model.experiment).bind(parameter.key).bind(parameter.value).run());
  }
  for (const auto& tag : model.tags) {
    SLUICE_TRY(insert, connection.prepare("INSERT INTO logged_model_tags(model_id, experiment_id, tag_key, "
                                          "tag_value) VALUES(?,?,?,?)"));
    SLUICE_DO(insert.bind(model.id).bind(model.experiment).bind(tag.key).bind(tag.value).run());
  }
  for (const auto& metric : model.metrics) {
    // MLflow keeps one for each time and step, whatever the dataset.
    SLUICE_TRY(insert, connection.prepare(R"sql(
      INSERT INTO logged_model_metrics(model_id, metric_name, metric_timestamp_ms, metric_step, metric_value,
        experiment_id, run_id, dataset_name, dataset_digest)
      VALUES(?,?,?,?,?,?,?,nullif(?, ''),nullif(?, '')) ON CONFLICT DO NOTHING)sql"));
    const auto& point = metric.metric.point;
    insert.bind(model.id).bind(metric.metric.key).bind(point.at_ms).bind(point.step).bind(point.value);
    insert.bind(model.experiment).bind(metric.run);
    SLUICE_DO(insert.bind(metric.dataset_name).bind(metric.dataset_digest).run());
  }
  return Lack{.all = true,
              .parameters = static_cast<std::int64_t>(model.parameters.size()),
              .tags = static_cast<std::int64_t>(model.tags.size()),
              .points = static_cast<std::int64_t>(model.metrics.size())};
}

Result<Lack> MlflowDatabaseTarget::lack_of(const ports::LoggedModel& model) {
  auto& connection = *impl_->connection;
  Lack lack;
  SLUICE_TRY(models, count(connection, "SELECT count(*) FROM logged_models WHERE model_id = ?", model.id));
  lack.all = models == 0;
  SLUICE_TRY(parameters,
             count(connection, "SELECT count(*) FROM logged_model_params WHERE model_id = ?", model.id));
  lack.parameters = static_cast<std::int64_t>(model.parameters.size()) - parameters;
  SLUICE_TRY(tags, count(connection, "SELECT count(*) FROM logged_model_tags WHERE model_id = ?", model.id));
  lack.tags = static_cast<std::int64_t>(model.tags.size()) - tags;
  return lack;
}

namespace {

Result<std::string> text_of(Connection& connection, const char* sql, const std::string& id) {
  SLUICE_TRY(select, connection.prepare(sql));
  SLUICE_TRY(has_row, select.bind(id).step());
  return has_row ? select.text(0) : std::string();
}

Result<void> insert_registered(Connection& connection, const ports::RegisteredModel& model) {
  {
    SLUICE_TRY(insert, connection.prepare(R"sql(
      INSERT INTO registered_models(workspace, name, creation_time, last_updated_time, description)
      VALUES('default',?,?,?,nullif(?, '')))sql"));
    insert.bind(model.name)
        .bind(sqlite::milliseconds(model.created))
        .bind(sqlite::milliseconds(model.updated));
    SLUICE_DO(insert.bind(model.description).run());
  }
  for (const auto& tag : model.tags) {
    SLUICE_TRY(insert, connection.prepare("INSERT INTO registered_model_tags(workspace, name, key, value) "
                                          "VALUES('default',?,?,?)"));
    SLUICE_DO(insert.bind(model.name).bind(tag.key).bind(tag.value).run());
  }
  return {};
}

Result<void> insert_version(Connection& connection, const ports::RegisteredVersion& version,
                            const std::string& storage) {
  {
    SLUICE_TRY(insert, connection.prepare(R"sql(
      INSERT INTO model_versions(workspace, name, version, creation_time, last_updated_time, description, user_id,
        current_stage, source, storage_location, run_id, run_link, status)
      VALUES('default',?,?,?,?,nullif(?, ''),nullif(?, ''),?,?,?,nullif(?, ''),nullif(?, ''),'READY'))sql"));
    insert.bind(version.model).bind(version.number).bind(sqlite::milliseconds(version.created));
    insert.bind(sqlite::milliseconds(version.updated)).bind(version.description).bind(version.user);
    insert.bind(version.stage).bind(version.source.empty() ? storage : version.source).bind(storage);
    SLUICE_DO(insert.bind(version.run).bind(version.run_link).run());
  }
  for (const auto& tag : version.tags) {
    SLUICE_TRY(insert,
               connection.prepare("INSERT INTO model_version_tags(workspace, name, version, key, value) "
                                  "VALUES('default',?,?,?,?)"));
    SLUICE_DO(insert.bind(version.model).bind(version.number).bind(tag.key).bind(tag.value).run());
  }
  return {};
}

std::int64_t tags_of(const ports::RegisteredContent& content) {
  auto tags = content.model.tags.size();
  for (const auto& version : content.versions) tags += version.tags.size();
  return static_cast<std::int64_t>(tags);
}

}  // namespace

Result<std::string> MlflowDatabaseTarget::files_of_run(const std::string& id) {
  return text_of(*impl_->connection, "SELECT artifact_uri FROM runs WHERE run_uuid = ?", id);
}

Result<std::string> MlflowDatabaseTarget::files_of_model(const std::string& id) {
  return text_of(*impl_->connection, "SELECT artifact_location FROM logged_models WHERE model_id = ?", id);
}

Result<Lack> MlflowDatabaseTarget::put(
    const ports::RegisteredContent& content,
    const std::function<Result<ports::VersionFiles>(const ports::RegisteredVersion&)>& files,
    const std::function<void(ports::Unmoved)>& /*unmoved*/) {
  auto& connection = *impl_->connection;
  SLUICE_DO(insert_registered(connection, content.model));
  for (const auto& version : content.versions) {
    SLUICE_TRY(found, files(version));
    SLUICE_DO(insert_version(connection, version, found.storage));
  }
  for (const auto& [alias, number] : content.model.aliases) {
    SLUICE_TRY(insert,
               connection.prepare("INSERT INTO registered_model_aliases(workspace, name, alias, version) "
                                  "VALUES('default',?,?,?)"));
    SLUICE_DO(insert.bind(content.model.name).bind(alias).bind(number).run());
  }
  return Lack{.all = true,
              .tags = tags_of(content),
              .versions = static_cast<std::int64_t>(content.versions.size()),
              .aliases = static_cast<std::int64_t>(content.model.aliases.size())};
}

Result<Lack> MlflowDatabaseTarget::lack_of(const ports::RegisteredContent& content) {
  auto& connection = *impl_->connection;
  const auto& name = content.model.name;
  Lack lack;
  SLUICE_TRY(models, count(connection, "SELECT count(*) FROM registered_models WHERE name = ?", name));
  lack.all = models == 0;
  SLUICE_TRY(versions, count(connection, "SELECT count(*) FROM model_versions WHERE name = ?", name));
  lack.versions = static_cast<std::int64_t>(content.versions.size()) - versions;
  SLUICE_TRY(aliases,
             count(connection, "SELECT count(*) FROM registered_model_aliases WHERE name = ?", name));
  lack.aliases = static_cast<std::int64_t>(content.model.aliases.size()) - aliases;
  SLUICE_TRY(tags, count(connection, "SELECT count(*) FROM registered_model_tags WHERE name = ?", name));
  SLUICE_TRY(of_versions, count(connection, "SELECT count(*) FROM model_version_tags WHERE name = ?", name));
  lack.tags = tags_of(content) - tags - of_versions;
  return lack;
}

namespace {

constexpr std::string_view trace_name = "mlflow.traceName";
constexpr std::string_view session = "mlflow.trace.session";
constexpr std::string_view token_usage = "mlflow.trace.tokenUsage";
constexpr std::string_view trace_cost = "mlflow.trace.cost";

bool is_in_columns(std::string_view key) {
  return key == trace_name || key == session || key == token_usage || key == trace_cost;
}

std::optional<std::string> value_of(const std::vector<ports::KeyValue>& pairs, std::string_view key) {
  const auto found = std::ranges::find(pairs, key, &ports::KeyValue::key);
  return found == pairs.end() ? std::nullopt : std::optional(found->value);
}

Statement& bind_optional(Statement& statement, const std::optional<std::string>& text) {
  return text ? statement.bind(*text) : statement.bind_null();
}

/// The numbers of a JSON object; null where there is none.
void bind_numbers(Statement& statement, const std::optional<std::string>& json,
                  std::initializer_list<const char*> keys, bool whole) {
  const auto parsed = json ? parse_json(*json, "numbers") : Result<Value>(Value());
  for (const auto* key : keys) {
    const auto* value = parsed ? parsed->find(key) : nullptr;
    const auto number = value == nullptr ? std::nullopt : value->as_double();
    const auto* integer = value == nullptr ? nullptr : value->if_integer();
    if (whole && integer != nullptr)
      statement.bind(*integer);
    else if (!whole && number)
      statement.bind(*number);
    else
      statement.bind_null();
  }
}

Result<void> insert_trace(Connection& connection, const ports::Trace& trace) {
  {
    SLUICE_TRY(insert, connection.prepare(R"sql(
      INSERT INTO trace_info(request_id, experiment_id, timestamp_ms, execution_time_ms, status, client_request_id,
        request_preview, response_preview, trace_name, session_id, input_tokens, output_tokens, total_tokens,
        cache_read_input_tokens, cache_creation_input_tokens, cache_creation_input_tokens_above_1hr, input_cost,
        output_cost, total_cost) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?))sql"));
    insert.bind(trace.id).bind(trace.experiment).bind(trace.at_ms);
    if (trace.duration_ms)
      insert.bind(*trace.duration_ms);
    else
      insert.bind_null();
    const auto name = value_of(trace.tags, trace_name);
    const auto of_session = value_of(trace.metadata, session);
    insert.bind(sqlite::text_of(trace.state));
    for (const auto* text :
         {&trace.client_request, &trace.request_preview, &trace.response_preview, &name, &of_session})
      bind_optional(insert, *text);
    bind_numbers(insert, value_of(trace.metadata, token_usage),
                 {"input_tokens", "output_tokens", "total_tokens", "cache_read_input_tokens",
                  "cache_creation_input_tokens", "cache_creation_input_tokens_above_1hr"},
                 true);
    bind_numbers(insert, value_of(trace.metadata, trace_cost), {"input_cost", "output_cost", "total_cost"},
                 false);
    SLUICE_DO(insert.run());
  }
  for (const auto& tag : trace.tags) {
    if (is_in_columns(tag.key)) continue;
    SLUICE_TRY(insert, connection.prepare("INSERT INTO trace_tags(key, value, request_id) VALUES(?,?,?)"));
    SLUICE_DO(insert.bind(tag.key).bind(tag.value).bind(trace.id).run());
  }
  for (const auto& pair : trace.metadata) {
    if (is_in_columns(pair.key)) continue;
    SLUICE_TRY(insert, connection.prepare(
                           "INSERT INTO trace_request_metadata(key, value, request_id) VALUES(?,?,?)"));
    SLUICE_DO(insert.bind(pair.key).bind(pair.value).bind(trace.id).run());
  }
  return {};
}

Result<void> insert_span(Connection& connection, const ports::Trace& trace, const ports::TraceSpan& span) {
  SLUICE_TRY(insert, connection.prepare(R"sql(
    INSERT INTO spans(trace_id, experiment_id, span_id, parent_span_id, name, type, status, start_time_unix_nano,
      end_time_unix_nano, content, input_cost, output_cost, total_cost, model_name, model_provider)
    VALUES(?,?,?,nullif(?, ''),?,?,?,?,nullif(?, 0),?,?,?,?,nullif(?, ''),nullif(?, '')) ON CONFLICT DO NOTHING)sql"));
  insert.bind(trace.id)
      .bind(trace.experiment)
      .bind(span.id)
      .bind(span.parent)
      .bind(span.name)
      .bind(span.type);
  insert.bind(span.status).bind(span.started_ns).bind(span.ended_ns).bind(span.content);
  bind_numbers(insert, span.cost.empty() ? std::nullopt : std::optional(span.cost),
               {"input_cost", "output_cost", "total_cost"}, false);
  return insert.bind(span.model).bind(span.provider).run();
}

Result<void> insert_assessment(Connection& connection, const ports::Trace& trace,
                               const ports::Assessment& assessment) {
  SLUICE_TRY(insert, connection.prepare(R"sql(
    INSERT INTO assessments(assessment_id, trace_id, name, assessment_type, value, error, created_timestamp,
      last_updated_timestamp, source_type, source_id, run_id, span_id, rationale, overrides, valid,
      assessment_metadata, experiment_id, trace_timestamp_ms, aggregate_value, is_numeric_value)
    VALUES(?,?,?,?,?,nullif(?, ''),?,?,?,nullif(?, ''),nullif(?, ''),nullif(?, ''),?,nullif(?, ''),?,nullif(?, ''),
      ?,?,?,?))sql"));
  Struct metadata;
  for (const auto& pair : assessment.metadata) metadata.set(pair.key, Value(pair.value));
  const auto metadata_text =
      assessment.metadata.empty() ? std::string() : to_json(Value(std::move(metadata)));
  insert.bind(assessment.id).bind(trace.id).bind(assessment.name).bind(sqlite::text_of(assessment.kind));
  insert.bind(assessment.value).bind(assessment.error).bind(sqlite::milliseconds(assessment.created));
  insert.bind(sqlite::milliseconds(assessment.updated))
      .bind(assessment.source_type)
      .bind(assessment.source_id);
  insert.bind(assessment.run).bind(assessment.span);
  bind_optional(insert, assessment.rationale).bind(assessment.overrides).bind(std::int64_t{assessment.valid});
  insert.bind(metadata_text).bind(trace.experiment).bind(trace.at_ms);
  // As a number: true, false, "yes" and "no" are numbers too.
  const auto value = parse_json(assessment.value, "value");
  const auto number = value ? value->as_double() : std::nullopt;
  const auto* flag = value ? value->if_boolean() : nullptr;
  const auto* text = value ? value->if_string() : nullptr;
  const auto word = text != nullptr ? lower_ascii(*text) : "";
  if (number)
    insert.bind(*number);
  else if (flag != nullptr || word == "yes" || word == "no")
    insert.bind(word == "yes" || (flag != nullptr && *flag) ? 1.0 : 0.0);
  else
    insert.bind_null();
  return insert.bind(std::int64_t{number.has_value()}).run();
}

}  // namespace

Result<Lack> MlflowDatabaseTarget::put(const ports::Trace& trace, const std::vector<ports::TraceSpan>& spans,
                                       const std::vector<std::string>& runs) {
  auto& connection = *impl_->connection;
  SLUICE_DO(insert_trace(connection, trace));
  for (const auto& span : spans) SLUICE_DO(insert_span(connection, trace, span));
  for (const auto& assessment : trace.assessments)
    SLUICE_DO(insert_assessment(connection, trace, assessment));
  for (const auto& run : runs) {
    SLUICE_TRY(insert, connection.prepare(R"sql(
      INSERT INTO entity_associations(association_id, source_type, source_id, destination_type, destination_id,
        created_time) VALUES(?,'trace',?,'run',?,?) ON CONFLICT DO NOTHING)sql"));
    const auto id = identity_of("trace of run", trace.id, run, "");
    SLUICE_DO(insert.bind(id).bind(trace.id).bind(run).bind(sqlite::milliseconds(impl_->at)).run());
  }
  return Lack{.all = true,
              .tags = static_cast<std::int64_t>(trace.tags.size() + trace.metadata.size()),
              .spans = static_cast<std::int64_t>(spans.size()),
              .assessments = static_cast<std::int64_t>(trace.assessments.size())};
}

Result<Lack> MlflowDatabaseTarget::lack_of(const ports::Trace& trace,
                                           const std::vector<ports::TraceSpan>& spans) {
  auto& connection = *impl_->connection;
  Lack lack;
  SLUICE_TRY(traces, count(connection, "SELECT count(*) FROM trace_info WHERE request_id = ?", trace.id));
  lack.all = traces == 0;
  SLUICE_TRY(stored, count(connection, "SELECT count(*) FROM spans WHERE trace_id = ?", trace.id));
  lack.spans = static_cast<std::int64_t>(spans.size()) - stored;
  SLUICE_TRY(assessments, count(connection, "SELECT count(*) FROM assessments WHERE trace_id = ?", trace.id));
  lack.assessments = static_cast<std::int64_t>(trace.assessments.size()) - assessments;
  return lack;
}

}  // namespace sluice::stores
