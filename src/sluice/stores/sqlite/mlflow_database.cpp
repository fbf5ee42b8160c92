#include "sluice/stores/sqlite/mlflow_database.hpp"

#include <algorithm>
#include <limits>
#include <set>

#include <fmt/format.h>

#include "sluice/base/json.hpp"
#include "sluice/stores/sqlite/columns.hpp"
#include "sluice/stores/sqlite/connection.hpp"
#include "sluice/stores/sqlite/logged_model_rows.hpp"
#include "sluice/stores/sqlite/tracked_run_rows.hpp"

namespace sluice::stores {

using sqlite::Connection;
using sqlite::Statement;

namespace {

/// What every database since MLflow 2.9 has, of what is read.
constexpr auto tables_needed =
    std::to_array<const char*>({"experiments", "experiment_tags", "runs", "tags", "params", "metrics"});

/// With a hint about a file of another program.
Error about_source(Error error) {
  if (error.code != Code::data_loss) return error;
  error.message.resize(std::min(error.message.size(), error.message.find("; restore")));
  error.message += "; it is damaged, or no SQLite file: give another copy of it";
  error.blame = Blame::user;
  return error;
}

Result<void> about_source(Result<void> done) {
  return done ? Result<void>() : Fail(about_source(std::move(done).error()));
}

}  // namespace

struct MlflowDatabase::Impl {
  std::filesystem::path file;
  std::unique_ptr<Connection> connection;
  std::set<std::string> tables;
  bool has_steps = false;       ///< uses of models have them, since 3.0
  bool has_workspaces = false;  ///< since 3.8
  // Statements are kept by the addresses of these.
  std::string select_uses = {};
  std::string select_versions = {};
  std::string select_trace = {};
  std::string select_assessments = {};

  Result<std::set<std::string>> texts(const std::string& sql) const {
    SLUICE_TRY(select, connection->prepare_once(sql));
    std::set<std::string> found;
    for (;;) {
      SLUICE_TRY(has_row, select.step());
      if (!has_row) return found;
      found.insert(select.text(0));
    }
  }

  Result<void> look() {
    SLUICE_TRY(found, texts("SELECT name FROM sqlite_master WHERE type = 'table'"));
    tables = std::move(found);
    for (const auto* table : tables_needed)
      if (!tables.contains(table))
        return Fail(user_error(Code::failed_precondition,
                               fmt::format("{}: not a database of MLflow 2.9 or later: it has no table `{}`",
                                           file.string(), table)));
    SLUICE_TRY(of_inputs, texts("SELECT name FROM pragma_table_info('inputs')"));
    has_steps = of_inputs.contains("step");
    SLUICE_TRY(of_experiments, texts("SELECT name FROM pragma_table_info('experiments')"));
    has_workspaces = of_experiments.contains("workspace");
    SLUICE_DO(look_at_traces());
    SLUICE_TRY(of_versions, texts("SELECT name FROM pragma_table_info('model_versions')"));
    // The tables of models have workspaces since the others have.
    select_versions = fmt::format(
        "SELECT version, creation_time, last_updated_time, description, user_id, current_stage, source, {}, "
        "run_id, "
        "run_link FROM model_versions WHERE name = ? AND current_stage <> 'Deleted_Internal'{} ORDER BY "
        "version DESC",
        of_versions.contains("storage_location") ? "storage_location" : "NULL",
        of_versions.contains("workspace") ? " AND workspace = 'default'" : "");
    select_uses = fmt::format(
        "SELECT destination_id, {}, source_type = 'RUN_OUTPUT' FROM inputs WHERE source_id = ? AND "
        "source_type IN ('RUN_INPUT', 'RUN_OUTPUT') ORDER BY rowid",
        has_steps ? "step" : "0");
    return {};
  }

  /// These tables have had columns added again and again.
  Result<void> look_at_traces() {
    const auto select = [this](const char* table, std::initializer_list<const char*> wanted,
                               std::string_view rest) -> Result<std::string> {
      SLUICE_TRY(columns, texts(fmt::format("SELECT name FROM pragma_table_info('{}')", table)));
      std::string sql = "SELECT ";
      for (const auto* column : wanted)
        sql += fmt::format("{}{}", sql.size() > 7 ? ", " : "", columns.contains(column) ? column : "NULL");
      return sql + fmt::format(" FROM {} {}", table, rest);
    };
    SLUICE_TRY(trace,
               select("trace_info",
                      {"timestamp_ms", "execution_time_ms", "status", "client_request_id", "request_preview",
                       "response_preview", "trace_name", "session_id", "input_tokens", "output_tokens",
                       "total_tokens", "cache_read_input_tokens", "cache_creation_input_tokens",
                       "cache_creation_input_tokens_above_1hr", "input_cost", "output_cost", "total_cost"},
                      "WHERE request_id = ?"));
    select_trace = std::move(trace);
    SLUICE_TRY(assessments,
               select("assessments",
                      {"assessment_id", "assessment_type", "name", "value", "error", "source_type",
                       "source_id", "run_id", "span_id", "rationale", "assessment_metadata", "overrides",
                       "valid", "created_timestamp", "last_updated_timestamp"},
                      "WHERE trace_id = ? ORDER BY created_timestamp, rowid"));
    select_assessments = std::move(assessments);
    return {};
  }

  static void put(std::vector<ports::KeyValue>& pairs, std::string key, std::string value) {
    const auto found = std::ranges::find(pairs, key, &ports::KeyValue::key);
    if (found != pairs.end())
      found->value = std::move(value);
    else
      pairs.push_back({.key = std::move(key), .value = std::move(value)});
    std::ranges::sort(pairs, {}, &ports::KeyValue::key);
  }

  /// Some metadata are in columns since 3.17, as Python writes them.
  static void put_promoted(const Statement& select, ports::Trace& trace) {
    constexpr int name = 6;
    constexpr int session = 7;
    constexpr int tokens = 8;
    constexpr int cost = 14;
    if (!select.is_null(name)) put(trace.tags, "mlflow.traceName", select.text(name));
    if (!select.is_null(session)) put(trace.metadata, "mlflow.trace.session", select.text(session));
    const auto object = [&](int first, std::initializer_list<const char*> keys) {
      std::string text;
      for (const auto* key : keys) {
        const auto column = first++;
        if (select.is_null(column)) continue;
        text += fmt::format("{}\"{}\": {}", text.empty() ? "{" : ", ", key, select.text(column));
      }
      return text.empty() ? text : text + "}";
    };
    if (auto text =
            object(tokens, {"input_tokens", "output_tokens", "total_tokens", "cache_read_input_tokens",
                            "cache_creation_input_tokens", "cache_creation_input_tokens_above_1hr"});
        !text.empty())
      put(trace.metadata, "mlflow.trace.tokenUsage", std::move(text));
    if (auto text = object(cost, {"input_cost", "output_cost", "total_cost"}); !text.empty())
      put(trace.metadata, "mlflow.trace.cost", std::move(text));
  }

  static Result<std::vector<ports::KeyValue>> metadata_of(const std::string& text) {
    std::vector<ports::KeyValue> pairs;
    if (text.empty()) return pairs;
    SLUICE_TRY(parsed, parse_json(text, "metadata of an assessment"));
    if (const auto* object = parsed.if_struct())
      for (const auto& [key, value] : *object) {
        const auto* written = value.if_string();
        pairs.push_back({.key = key, .value = written != nullptr ? *written : to_json(value)});
      }
    std::ranges::sort(pairs, {}, &ports::KeyValue::key);
    return pairs;
  }

  Result<void> read_assessments(ports::Trace& trace) {
    if (!tables.contains("assessments")) return {};
    SLUICE_TRY(select, connection->prepare(select_assessments.c_str()));
    select.bind(trace.id);
    for (;;) {
      SLUICE_TRY(has_row, select.step());
      if (!has_row) return {};
      auto& made = trace.assessments.emplace_back();
      made.id = select.text(0);
      const auto kind = select.text(1);
      if (kind == "expectation") made.kind = ports::AssessmentKind::expectation;
      if (kind == "issue") made.kind = ports::AssessmentKind::issue;
      made.name = select.text(2);
      made.value = select.text(3);
      made.error = select.text(4);
      made.source_type = select.text(5);
      made.source_id = select.text(6);
      made.run = select.text(7);
      made.span = select.text(8);
      if (!select.is_null(9)) made.rationale = select.text(9);
      SLUICE_TRY(metadata, metadata_of(select.text(10)));
      made.metadata = std::move(metadata);
      made.overrides = select.text(11);
      made.valid = select.is_null(12) || select.integer(12) != 0;
      made.created = sqlite::time_of(select.integer(13));
      made.updated = sqlite::time_of(select.integer(14));
    }
  }

  Result<std::vector<std::string>> texts_of(const char* sql, const std::string& id) {
    SLUICE_TRY(select, connection->prepare(sql));
    select.bind(id);
    std::vector<std::string> found;
    for (;;) {
      SLUICE_TRY(has_row, select.step());
      if (!has_row) return found;
      found.push_back(select.text(0));
    }
  }

  Result<ports::WholeTrace> read_trace(const std::string& id, std::int64_t experiment) {
    ports::WholeTrace whole;
    auto& trace = whole.trace;
    trace.id = id;
    trace.experiment = experiment;
    SLUICE_TRY(tags,
               connection->prepare("SELECT key, value FROM trace_tags WHERE request_id = ? ORDER BY key"));
    SLUICE_TRY(of_tags, pairs(std::move(tags), id));
    trace.tags = std::move(of_tags);
    SLUICE_TRY(metadata,
               connection->prepare("SELECT key, value FROM trace_request_metadata WHERE request_id = ? "
                                   "ORDER BY key"));
    SLUICE_TRY(of_metadata, pairs(std::move(metadata), id));
    trace.metadata = std::move(of_metadata);
    {
      SLUICE_TRY(select, connection->prepare(select_trace.c_str()));
      SLUICE_TRY(has_row, select.bind(id).step());
      if (!has_row) return whole;
      trace.at_ms = select.integer(0);
      if (!select.is_null(1)) trace.duration_ms = select.integer(1);
      const auto state = select.text(2);
      if (state == "OK") trace.state = ports::TraceState::ok;
      if (state == "ERROR") trace.state = ports::TraceState::error;
      if (state == "IN_PROGRESS") trace.state = ports::TraceState::in_progress;
      if (!select.is_null(3)) trace.client_request = select.text(3);
      if (!select.is_null(4)) trace.request_preview = select.text(4);
      if (!select.is_null(5)) trace.response_preview = select.text(5);
      put_promoted(select, trace);
    }
    SLUICE_DO(read_assessments(trace));
    if (tables.contains("spans")) {
      SLUICE_TRY(
          spans,
          texts_of("SELECT content FROM spans WHERE trace_id = ? ORDER BY start_time_unix_nano, span_id",
                   id));
      whole.spans = std::move(spans);
    }
    if (tables.contains("entity_associations")) {
      SLUICE_TRY(runs,
                 texts_of("SELECT destination_id FROM entity_associations WHERE source_type = 'trace' AND "
                          "source_id = ? AND destination_type = 'run'",
                          id));
      whole.runs = std::move(runs);
    }
    return whole;
  }

  Result<ports::TrackedRun> read_run(const std::string& id, std::int64_t experiment) {
    ports::TrackedRun run{.id = id,
                          .experiment = experiment,
                          .ended_ms = std::nullopt,
                          .metrics = {},
                          .parameters = {},
                          .tags = {},
                          .datasets = {},
                          .model_inputs = {},
                          .model_outputs = {}};
    {
      SLUICE_TRY(select, connection->prepare("SELECT name, user_id, status, start_time, end_time, "
                                             "lifecycle_stage, artifact_uri FROM runs WHERE run_uuid = ?"));
      SLUICE_TRY(has_row, select.bind(id).step());
      if (!has_row) return run;  // removed meanwhile; the caller has its id only
      run.name = select.text(0);
      run.user = select.text(1);
      run.status = ports::tracked_status_named(select.text(2)).value_or(ports::TrackedStatus::failed);
      run.started_ms = select.integer(3);
      if (!select.is_null(4)) run.ended_ms = select.integer(4);
      run.active = select.text(5) != "deleted";
      run.artifact_uri = select.text(6);
    }
    SLUICE_TRY(parameters,
               connection->prepare("SELECT key, value FROM params WHERE run_uuid = ? ORDER BY key"));
    SLUICE_TRY(of_parameters, pairs(std::move(parameters), id));
    run.parameters = std::move(of_parameters);
    SLUICE_TRY(tags, connection->prepare("SELECT key, value FROM tags WHERE run_uuid = ? ORDER BY key"));
    SLUICE_TRY(of_tags, pairs(std::move(tags), id));
    run.tags = std::move(of_tags);
    SLUICE_DO(read_uses(run));
    return run;
  }

  static Result<std::vector<ports::KeyValue>> pairs(Statement select, const std::string& id) {
    select.bind(id);
    std::vector<ports::KeyValue> found;
    for (;;) {
      SLUICE_TRY(has_row, select.step());
      if (!has_row) return found;
      found.push_back({.key = select.text(0), .value = select.text(1)});
    }
  }

  Result<void> read_uses(ports::TrackedRun& run) {
    if (!tables.contains("inputs") || !tables.contains("datasets") || !tables.contains("input_tags"))
      return {};
    std::vector<std::string> inputs;
    {
      SLUICE_TRY(select, connection->prepare(R"sql(
        SELECT i.input_uuid, d.name, d.digest, d.dataset_source_type, d.dataset_source, d.dataset_schema,
          d.dataset_profile FROM inputs i JOIN datasets d ON d.dataset_uuid = i.source_id
        WHERE i.destination_type = 'RUN' AND i.destination_id = ? AND i.source_type = 'DATASET'
        ORDER BY i.rowid)sql"));
      select.bind(run.id);
      for (;;) {
        SLUICE_TRY(has_row, select.step());
        if (!has_row) break;
        inputs.push_back(select.text(0));
        run.datasets.push_back({.name = select.text(1),
                                .digest = select.text(2),
                                .source_type = select.text(3),
                                .source = select.text(4),
                                .schema = select.text(5),
                                .profile = select.text(6),
                                .tags = {}});
      }
    }
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      SLUICE_TRY(select, connection->prepare(
                             "SELECT name, value FROM input_tags WHERE input_uuid = ? ORDER BY name"));
      SLUICE_TRY(tags, pairs(std::move(select), inputs[i]));
      run.datasets[i].tags = std::move(tags);
    }
    SLUICE_TRY(uses, connection->prepare(select_uses.c_str()));
    uses.bind(run.id);
    for (;;) {
      SLUICE_TRY(has_row, uses.step());
      if (!has_row) return {};
      auto& into = uses.integer(2) != 0 ? run.model_outputs : run.model_inputs;
      into.push_back({.model = uses.text(0), .step = uses.integer(1)});
    }
  }

  Result<ports::LoggedModel> read_model(const std::string& id, std::int64_t experiment) {
    ports::LoggedModel model{.id = id, .experiment = experiment, .parameters = {}, .tags = {}, .metrics = {}};
    {
      SLUICE_TRY(select, connection->prepare(R"sql(
        SELECT name, artifact_location, creation_timestamp_ms, last_updated_timestamp_ms, status, model_type,
          source_run_id, lifecycle_stage FROM logged_models WHERE model_id = ?)sql"));
      SLUICE_TRY(has_row, select.bind(id).step());
      if (!has_row) return model;
      model.name = select.text(0);
      model.artifact_location = select.text(1);
      model.created = sqlite::time_of(select.integer(2));
      model.updated = sqlite::time_of(select.integer(3));
      model.status = sqlite::status_of(select.integer(4));
      model.type = select.text(5);
      model.source_run = select.text(6);
      model.active = select.text(7) != "deleted";
    }
    SLUICE_TRY(parameters, connection->prepare("SELECT param_key, param_value FROM logged_model_params WHERE "
                                               "model_id = ? ORDER BY param_key"));
    SLUICE_TRY(of_parameters, pairs(std::move(parameters), id));
    model.parameters = std::move(of_parameters);
    SLUICE_TRY(tags,
               connection->prepare("SELECT tag_key, tag_value FROM logged_model_tags WHERE model_id = ? "
                                   "ORDER BY tag_key"));
    SLUICE_TRY(of_tags, pairs(std::move(tags), id));
    model.tags = std::move(of_tags);
    SLUICE_TRY(metrics, connection->prepare(R"sql(
      SELECT metric_name, metric_step, metric_timestamp_ms, metric_value, run_id, dataset_name, dataset_digest
      FROM logged_model_metrics WHERE model_id = ?)sql"));
    metrics.bind(id);
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

  /// Both columns are texts, or become one.
  static Result<std::vector<ports::KeyValue>> pairs(Statement select, const std::string& name,
                                                    std::int64_t version) {
    select.bind(name).bind(version);
    std::vector<ports::KeyValue> found;
    for (;;) {
      SLUICE_TRY(has_row, select.step());
      if (!has_row) return found;
      found.push_back({.key = select.text(0), .value = select.text(1)});
    }
  }

  Result<void> read_versions(ports::RegisteredContent& content) {
    const auto& name = content.model.name;
    {
      SLUICE_TRY(select, connection->prepare(select_versions.c_str()));
      select.bind(name);
      for (;;) {
        SLUICE_TRY(has_row, select.step());
        if (!has_row) break;
        auto& version = content.versions.emplace_back();
        version.model = name;
        version.number = select.integer(0);
        version.created = sqlite::time_of(select.integer(1));
        version.updated = sqlite::time_of(select.integer(2));
        version.description = select.text(3);
        version.user = select.text(4);
        if (auto stage = select.text(5); !stage.empty()) version.stage = std::move(stage);
        version.source = select.text(6);
        version.storage = select.text(7);
        version.run = select.text(8);
        version.run_link = select.text(9);
      }
    }
    for (auto& version : content.versions) {
      SLUICE_TRY(select, connection->prepare(
                             "SELECT key, value FROM model_version_tags WHERE name = ? AND version = ? "
                             "ORDER BY key"));
      SLUICE_TRY(tags, pairs(std::move(select), name, version.number));
      version.tags = std::move(tags);
    }
    return {};
  }

  Result<ports::RegisteredContent> read_registered(const std::string& name) {
    ports::RegisteredContent content;
    auto& model = content.model;
    model.name = name;
    {
      SLUICE_TRY(select, connection->prepare("SELECT creation_time, last_updated_time, description FROM "
                                             "registered_models WHERE name = ?"));
      SLUICE_TRY(has_row, select.bind(name).step());
      if (!has_row) return content;
      model.created = sqlite::time_of(select.integer(0));
      model.updated = sqlite::time_of(select.integer(1));
      model.description = select.text(2);
    }
    SLUICE_TRY(tags, connection->prepare(
                         "SELECT key, value FROM registered_model_tags WHERE name = ? ORDER BY key"));
    SLUICE_TRY(of_tags, pairs(std::move(tags), name));
    model.tags = std::move(of_tags);
    SLUICE_DO(read_versions(content));
    if (!tables.contains("registered_model_aliases")) return content;
    SLUICE_TRY(aliases,
               connection->prepare("SELECT alias, version FROM registered_model_aliases WHERE name = ?"));
    aliases.bind(name);
    for (;;) {
      SLUICE_TRY(has_row, aliases.step());
      if (!has_row) return content;
      model.aliases.emplace(aliases.text(0), aliases.integer(1));
    }
  }

  /// The ids, all of them before the first is used: no statement is open while something is moved.
  Result<std::vector<std::string>> ids(const char* sql, std::int64_t experiment) const {
    SLUICE_TRY(select, connection->prepare(sql));
    select.bind(experiment);
    std::vector<std::string> found;
    for (;;) {
      SLUICE_TRY(has_row, select.step());
      if (!has_row) return found;
      found.push_back(select.text(0));
    }
  }
};

Result<std::unique_ptr<MlflowDatabase>> MlflowDatabase::open(const std::filesystem::path& file) {
  auto connection = Connection::open(file, Connection::Use::look);
  if (!connection) return Fail(about_source(std::move(connection).error()));
  auto impl = std::make_unique<Impl>(Impl{.file = file, .connection = std::move(*connection), .tables = {}});
  SLUICE_DO(about_source(impl->look()));
  return std::unique_ptr<MlflowDatabase>(new MlflowDatabase(std::move(impl)));
}

MlflowDatabase::MlflowDatabase(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
MlflowDatabase::~MlflowDatabase() = default;

Result<void> MlflowDatabase::experiments(const ports::Take<const ports::Experiment&>& take) {
  std::vector<ports::Experiment> found;
  const auto read = [&]() -> Result<void> {
    SLUICE_TRY(select, impl_->connection->prepare_once(fmt::format(
                           "SELECT experiment_id, name, artifact_location, lifecycle_stage, creation_time, "
                           "last_update_time FROM experiments {} ORDER BY experiment_id",
                           impl_->has_workspaces ? "WHERE workspace = 'default'" : "")));
    for (;;) {
      SLUICE_TRY(has_row, select.step());
      if (!has_row) break;
      found.push_back({.id = select.integer(0),
                       .name = select.text(1),
                       .artifact_location = select.text(2),
                       .active = select.text(3) != "deleted",
                       .created = sqlite::time_of(select.integer(4)),
                       .updated = sqlite::time_of(select.integer(5)),
                       .tags = {}});
    }
    for (auto& experiment : found) {
      SLUICE_TRY(tags, impl_->connection->prepare(
                           "SELECT key, value FROM experiment_tags WHERE experiment_id = ? ORDER BY key"));
      SLUICE_TRY(pairs, sqlite::pairs_of(std::move(tags), experiment.id));
      experiment.tags = std::move(pairs);
    }
    return {};
  };
  SLUICE_DO(about_source(read()));
  for (const auto& experiment : found) SLUICE_DO(take(experiment));
  return {};
}

Result<void> MlflowDatabase::runs(const ports::Experiment& experiment,
                                  const ports::Take<const ports::TrackedRun&>& take) {
  auto ids = impl_->ids("SELECT run_uuid FROM runs WHERE experiment_id = ? ORDER BY start_time, run_uuid",
                        experiment.id);
  if (!ids) return Fail(about_source(std::move(ids).error()));
  for (const auto& id : *ids) {
    auto run = impl_->read_run(id, experiment.id);
    if (!run) return Fail(about_source(std::move(run).error()));
    SLUICE_DO(take(*run));
  }
  return {};
}

Result<void> MlflowDatabase::histories(const ports::TrackedRun& run,
                                       const ports::Take<ports::MetricHistory>& take) {
  std::vector<ports::MetricHistory> read;
  std::size_t points = 0;
  std::optional<Error> of_taker;
  const auto pass_on = [&]() -> Result<void> {
    for (auto& history : read) {
      auto done = take(std::move(history));
      if (done) continue;
      of_taker = done.error();
      return done;
    }
    read.clear();
    points = 0;
    return {};
  };
  const auto read_all = [&]() -> Result<void> {
    SLUICE_TRY(select, impl_->connection->prepare("SELECT key, step, timestamp, value, is_nan FROM metrics "
                                                  "WHERE run_uuid = ? ORDER BY key, timestamp, step, value"));
    select.bind(run.id);
    for (;;) {
      SLUICE_TRY(has_row, select.step());
      if (!has_row) return {};
      auto key = select.text(0);
      if (points == ports::history_points_max) SLUICE_DO(pass_on());
      if (read.empty() || read.back().key != key) read.push_back({.key = std::move(key), .points = {}});
      read.back().points.push_back(
          {.step = select.integer(1),
           .at_ms = select.integer(2),
           .value = select.integer(4) != 0 ? std::numeric_limits<double>::quiet_NaN() : select.real(3)});
      ++points;
    }
  };
  auto done = read_all();
  if (of_taker) return Fail(std::move(*of_taker));
  SLUICE_DO(about_source(std::move(done)));
  return pass_on();
}

Result<void> MlflowDatabase::models(const ports::Experiment& experiment,
                                    const ports::Take<const ports::LoggedModel&>& take) {
  if (!impl_->tables.contains("logged_models")) return {};
  auto ids = impl_->ids(
      "SELECT model_id FROM logged_models WHERE experiment_id = ? ORDER BY creation_timestamp_ms, model_id",
      experiment.id);
  if (!ids) return Fail(about_source(std::move(ids).error()));
  for (const auto& id : *ids) {
    auto model = impl_->read_model(id, experiment.id);
    if (!model) return Fail(about_source(std::move(model).error()));
    SLUICE_DO(take(*model));
  }
  return {};
}

Result<void> MlflowDatabase::traces(const ports::Experiment& experiment,
                                    const ports::Take<const ports::WholeTrace&>& take) {
  if (!impl_->tables.contains("trace_info")) return {};
  auto ids = impl_->ids(
      "SELECT request_id FROM trace_info WHERE experiment_id = ? ORDER BY timestamp_ms, request_id",
      experiment.id);
  if (!ids) return Fail(about_source(std::move(ids).error()));
  for (const auto& id : *ids) {
    auto trace = impl_->read_trace(id, experiment.id);
    if (!trace) return Fail(about_source(std::move(trace).error()));
    SLUICE_DO(take(*trace));
  }
  return {};
}

Result<void> MlflowDatabase::registered(const ports::Take<const ports::RegisteredContent&>& take) {
  if (!impl_->tables.contains("registered_models") || !impl_->tables.contains("model_versions")) return {};
  auto names = impl_->texts(fmt::format("SELECT name FROM registered_models{}",
                                        impl_->has_workspaces ? " WHERE workspace = 'default'" : ""));
  if (!names) return Fail(about_source(std::move(names).error()));
  for (const auto& name : *names) {
    auto content = impl_->read_registered(name);
    if (!content) return Fail(about_source(std::move(content).error()));
    SLUICE_DO(take(*content));
  }
  return {};
}

Result<std::vector<std::string>> MlflowDatabase::others() {
  std::vector<std::string> others;
  if (impl_->has_workspaces) {
    SLUICE_TRY(select,
               impl_->connection->prepare("SELECT count(*) FROM experiments WHERE workspace <> 'default'"));
    SLUICE_DO(select.step());
    if (select.integer(0) > 0)
      others.push_back(fmt::format("{} experiments of other workspaces", select.integer(0)));
  }
  return others;
}

}  // namespace sluice::stores
