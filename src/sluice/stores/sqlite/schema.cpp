#include "sluice/stores/sqlite/schema.hpp"

#include <array>
#include <string>

#include "sluice/base/numbers.hpp"

namespace sluice::stores::sqlite {
namespace {

// "SLUI": distinguishes a ledger from other SQLite files.
constexpr const char* application_id = "1397511497";

// Entry N migrates a ledger from version N to N + 1. Entries are only ever added.
constexpr std::array<const char*, schema_version> steps{R"sql(
  -- The source of truth: all decisions and what happened, as events, in order.
  CREATE TABLE events(
    run TEXT NOT NULL,
    number INTEGER NOT NULL,
    workspace TEXT NOT NULL,
    principal TEXT NOT NULL,
    event TEXT NOT NULL,
    PRIMARY KEY(run, number)
  ) STRICT, WITHOUT ROWID;

  -- A projection of each journal, for lists of runs.
  CREATE TABLE runs(
    id TEXT NOT NULL PRIMARY KEY,
    workspace TEXT NOT NULL,
    principal TEXT NOT NULL,
    name TEXT NOT NULL,
    plan BLOB NOT NULL,
    status TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    ended_ms INTEGER,
    message TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX runs_by_time ON runs(workspace, created_ms, id);
  CREATE INDEX runs_by_status ON runs(workspace, status, created_ms, id);

  -- Also a projection: outputs of finished tasks by cache key.
  CREATE TABLE cache(
    workspace TEXT NOT NULL,
    key BLOB NOT NULL,
    principal TEXT NOT NULL,
    outputs TEXT NOT NULL,
    run TEXT NOT NULL,
    path TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    PRIMARY KEY(workspace, key)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE deployments(
    workspace TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    principal TEXT NOT NULL,
    model TEXT NOT NULL,
    version INTEGER NOT NULL,
    "commit" TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    effect_key TEXT NOT NULL,
    PRIMARY KEY(workspace, endpoint)
  ) STRICT, WITHOUT ROWID;
)sql",
                                                        R"sql(
  -- Who may send requests besides the owner. The secret's SHA-256, never the secret.
  CREATE TABLE tokens(
    name TEXT NOT NULL PRIMARY KEY,
    workspace TEXT NOT NULL,
    principal TEXT NOT NULL,
    role TEXT NOT NULL,
    secret BLOB NOT NULL,
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER
  ) STRICT, WITHOUT ROWID;

  -- What was changed, by whom.
  CREATE TABLE changes(
    number INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    workspace TEXT NOT NULL,
    principal TEXT NOT NULL,
    what TEXT NOT NULL,
    subject TEXT NOT NULL
  ) STRICT;
)sql",
                                                        R"sql(
  -- What many events have in common (the plans of runs), once. Such an event is stored without it.
  CREATE TABLE texts(
    workspace TEXT NOT NULL,
    digest BLOB NOT NULL,
    principal TEXT NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY(workspace, digest)
  ) STRICT, WITHOUT ROWID;
  ALTER TABLE events ADD COLUMN text BLOB;        -- which one was taken out of this event …
  ALTER TABLE events ADD COLUMN text_at INTEGER;  -- … and at which byte
  CREATE INDEX events_by_text ON events(text) WHERE text IS NOT NULL;

  -- When a cache entry was last used: what is swept first.
  ALTER TABLE cache ADD COLUMN used_ms INTEGER NOT NULL DEFAULT 0;
  UPDATE cache SET used_ms = at_ms;
  CREATE INDEX cache_by_use ON cache(used_ms, workspace, key);
)sql",
                                                        R"sql(
  -- Experiments, and what clients log about their runs. Parts of a run carry its number, and have the
  -- workspace and the principal of its row.
  CREATE TABLE experiments(
    id INTEGER PRIMARY KEY,
    workspace TEXT NOT NULL,
    principal TEXT NOT NULL,
    name TEXT NOT NULL,
    artifact_location TEXT NOT NULL,
    active INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX experiments_by_name ON experiments(workspace, name);
  CREATE TABLE experiment_tags(
    experiment INTEGER NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY(experiment, key)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE tracked_runs(
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    workspace TEXT NOT NULL,
    principal TEXT NOT NULL,
    experiment INTEGER NOT NULL,
    name TEXT NOT NULL,
    user TEXT NOT NULL,
    status TEXT NOT NULL,
    started_ms INTEGER NOT NULL,
    ended_ms INTEGER,
    artifact_uri TEXT NOT NULL,
    active INTEGER NOT NULL,
    removed_ms INTEGER
  ) STRICT;
  CREATE UNIQUE INDEX tracked_runs_by_id ON tracked_runs(id);
  CREATE INDEX tracked_runs_by_start ON tracked_runs(experiment, active, started_ms DESC, id);
  -- What the rows of its parts say of a run, for pages of searches (run_record.hpp); made as long as it is small,
  -- and when the run ends.
  CREATE TABLE tracked_records(
    run INTEGER PRIMARY KEY,
    record BLOB NOT NULL
  ) STRICT;
  CREATE TABLE tracked_parameters(
    run INTEGER NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY(run, key)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE tracked_tags(
    run INTEGER NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY(run, key)
  ) STRICT, WITHOUT ROWID;

  -- The newest point of each metric (null: not a number), and how many there are: all, and those in chunks.
  CREATE TABLE tracked_metrics(
    run INTEGER NOT NULL,
    key TEXT NOT NULL,
    experiment INTEGER NOT NULL,
    value REAL,
    step INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    points INTEGER NOT NULL,
    in_chunks INTEGER NOT NULL,
    PRIMARY KEY(run, key)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX tracked_metrics_by_value ON tracked_metrics(experiment, key, value);
  -- The newest points of each history, one by one …
  CREATE TABLE tracked_points(
    run INTEGER NOT NULL,
    key TEXT NOT NULL,
    number INTEGER NOT NULL,
    step INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    value REAL,
    PRIMARY KEY(run, key, number)
  ) STRICT, WITHOUT ROWID;
  -- … and the others, thousands in a row, with some of them for charts (metric_history.hpp).
  CREATE TABLE tracked_chunks(
    run INTEGER NOT NULL,
    key TEXT NOT NULL,
    first INTEGER NOT NULL,
    points INTEGER NOT NULL,
    step_min INTEGER NOT NULL,
    step_max INTEGER NOT NULL,
    sample BLOB NOT NULL,
    all_points BLOB NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX tracked_chunks_by_place ON tracked_chunks(run, key, first);

  CREATE TABLE tracked_datasets(
    run INTEGER NOT NULL,
    name TEXT NOT NULL,
    digest TEXT NOT NULL,
    position INTEGER NOT NULL,
    source_type TEXT NOT NULL,
    source TEXT NOT NULL,
    schema TEXT NOT NULL,
    profile TEXT NOT NULL,
    context TEXT,
    tags TEXT NOT NULL,
    PRIMARY KEY(run, name, digest)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE tracked_model_uses(
    run INTEGER NOT NULL,
    is_output INTEGER NOT NULL,
    model TEXT NOT NULL,
    step INTEGER NOT NULL,
    PRIMARY KEY(run, is_output, model, step)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE logged_models(
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    workspace TEXT NOT NULL,
    principal TEXT NOT NULL,
    experiment INTEGER NOT NULL,
    name TEXT NOT NULL,
    artifact_location TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL,
    status INTEGER NOT NULL,
    type TEXT NOT NULL,
    source_run TEXT NOT NULL,
    active INTEGER NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX logged_models_by_id ON logged_models(id);
  CREATE INDEX logged_models_by_time ON logged_models(experiment, active, created_ms DESC, id);
  CREATE TABLE logged_model_parameters(
    model INTEGER NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY(model, key)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE logged_model_tags(
    model INTEGER NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY(model, key)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE logged_model_metrics(
    model TEXT NOT NULL,
    key TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    step INTEGER NOT NULL,
    run TEXT NOT NULL,
    dataset_name TEXT NOT NULL,
    dataset_digest TEXT NOT NULL,
    value REAL,
    PRIMARY KEY(model, key, at_ms, step, run, dataset_name, dataset_digest)
  ) STRICT, WITHOUT ROWID;

  -- Which object is stored under which path, for clients that name files by paths.
  CREATE TABLE artifacts(
    workspace TEXT NOT NULL,
    path TEXT NOT NULL,
    principal TEXT NOT NULL,
    digest BLOB NOT NULL,
    size INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    PRIMARY KEY(workspace, path)
  ) STRICT, WITHOUT ROWID;

  -- What clients recorded about requests. Parts of a trace carry its number, and have the workspace and the
  -- principal of its row.
  CREATE TABLE traces(
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    workspace TEXT NOT NULL,
    principal TEXT NOT NULL,
    experiment INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    duration_ms INTEGER,
    state TEXT NOT NULL,
    client_request TEXT,
    request_preview TEXT,
    response_preview TEXT,
    spans INTEGER NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX traces_by_id ON traces(workspace, id);
  CREATE INDEX traces_by_time ON traces(experiment, at_ms DESC, id);
  CREATE TABLE trace_tags(
    trace INTEGER NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY(trace, key)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE trace_metadata(
    trace INTEGER NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY(trace, key)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX trace_metadata_by_session ON trace_metadata(value) WHERE key = 'mlflow.trace.session';
  -- The content is the whole span; the other columns say a part of it once more, for searches.
  CREATE TABLE trace_spans(
    trace INTEGER NOT NULL,
    id TEXT NOT NULL,
    parent TEXT NOT NULL,
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    status TEXT NOT NULL,
    started_ns INTEGER NOT NULL,
    ended_ns INTEGER NOT NULL,
    usage TEXT NOT NULL,
    cost TEXT NOT NULL,
    model TEXT NOT NULL,
    provider TEXT NOT NULL,
    content TEXT NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX trace_spans_by_id ON trace_spans(trace, id);
  CREATE TABLE trace_assessments(
    number INTEGER PRIMARY KEY,
    trace INTEGER NOT NULL,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    error TEXT NOT NULL,
    source_type TEXT NOT NULL,
    source_id TEXT NOT NULL,
    run TEXT NOT NULL,
    span TEXT NOT NULL,
    rationale TEXT,
    metadata TEXT NOT NULL,
    overrides TEXT NOT NULL,
    valid INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX trace_assessments_by_id ON trace_assessments(trace, id);
  CREATE INDEX trace_assessments_by_name ON trace_assessments(name, trace);
  CREATE TABLE trace_runs(
    trace INTEGER NOT NULL,
    run TEXT NOT NULL,
    PRIMARY KEY(trace, run)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE trace_prompts(
    trace INTEGER NOT NULL,
    prompt TEXT NOT NULL,
    PRIMARY KEY(trace, prompt)
  ) STRICT, WITHOUT ROWID;

  -- A cache of the model repositories, for searches. `content` has all of the model or the version; a
  -- version's principal is who made it.
  CREATE TABLE registered_models(
    id INTEGER PRIMARY KEY,
    workspace TEXT NOT NULL,
    principal TEXT NOT NULL,
    name TEXT NOT NULL,
    mark TEXT NOT NULL,
    updated_ms INTEGER NOT NULL,
    is_prompt INTEGER NOT NULL,
    content TEXT NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX registered_models_by_name ON registered_models(workspace, name);
  CREATE TABLE registered_model_tags(
    model INTEGER NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY(model, key)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE registered_versions(
    id INTEGER PRIMARY KEY,
    workspace TEXT NOT NULL,
    principal TEXT NOT NULL,
    model INTEGER NOT NULL,
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL,
    run TEXT NOT NULL,
    source TEXT NOT NULL,
    content TEXT NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX registered_versions_by_number ON registered_versions(model, version);
  CREATE INDEX registered_versions_by_update
    ON registered_versions(workspace, updated_ms DESC, name, version DESC);
  CREATE INDEX registered_versions_by_run ON registered_versions(run);
  CREATE TABLE registered_version_tags(
    version INTEGER NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY(version, key)
  ) STRICT, WITHOUT ROWID;
)sql",
                                                        R"sql(
  -- Which tracked runs belong to a run of the engine (path "") or to an attempt at one of its tasks. `unsettled`: the
  -- run has not ended, or its tracked runs do not all say so yet.
  CREATE TABLE tracked_tasks(
    tracked INTEGER PRIMARY KEY,
    run TEXT NOT NULL,
    path TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    unsettled INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX tracked_tasks_by_place ON tracked_tasks(run, path, attempt);
  CREATE INDEX tracked_tasks_unsettled ON tracked_tasks(run) WHERE unsettled = 1;
)sql",
                                                        R"sql(
  -- What has runs at instants of its own. The plan's text is an object; `due_ms` is the next instant.
  CREATE TABLE schedules(
    id TEXT NOT NULL PRIMARY KEY,
    workspace TEXT NOT NULL,
    principal TEXT NOT NULL,
    name TEXT NOT NULL,
    cron TEXT NOT NULL,
    interval_ms INTEGER NOT NULL,
    time_zone TEXT NOT NULL,
    start_ms INTEGER,
    end_ms INTEGER,
    catch_up INTEGER NOT NULL,
    max_concurrency INTEGER NOT NULL,
    enabled INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    last_ms INTEGER,
    due_ms INTEGER,
    runs INTEGER NOT NULL,
    problem TEXT NOT NULL,
    plan BLOB NOT NULL,
    file TEXT NOT NULL,
    pipeline TEXT NOT NULL,
    inputs TEXT NOT NULL,
    code TEXT NOT NULL,
    cache INTEGER NOT NULL,
    strict INTEGER NOT NULL,
    options TEXT NOT NULL,
    instant_input TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE UNIQUE INDEX schedules_by_name ON schedules(workspace, name);
  CREATE INDEX schedules_due ON schedules(due_ms) WHERE due_ms IS NOT NULL;

  -- Which schedule started a run.
  ALTER TABLE runs ADD COLUMN schedule TEXT;
  CREATE INDEX runs_by_schedule ON runs(schedule, created_ms, id) WHERE schedule IS NOT NULL;
  CREATE INDEX runs_of_schedules_running ON runs(schedule) WHERE schedule IS NOT NULL AND status = 'running';
)sql",
                                                        R"sql(
  -- Plans that are kept under names. The text of a version is an object.
  CREATE TABLE pipelines(
    id TEXT NOT NULL PRIMARY KEY,
    workspace TEXT NOT NULL,
    principal TEXT NOT NULL,
    name TEXT NOT NULL,
    display_name TEXT NOT NULL,
    description TEXT NOT NULL,
    tags TEXT NOT NULL,
    created_ms INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE UNIQUE INDEX pipelines_by_name ON pipelines(workspace, name);
  CREATE INDEX pipelines_by_display_name ON pipelines(workspace, lower(display_name), id);
  CREATE INDEX pipelines_by_time ON pipelines(workspace, created_ms, id);
  CREATE TABLE pipeline_versions(
    id TEXT NOT NULL PRIMARY KEY,
    pipeline TEXT NOT NULL,
    workspace TEXT NOT NULL,
    principal TEXT NOT NULL,
    name TEXT NOT NULL,
    display_name TEXT NOT NULL,
    description TEXT NOT NULL,
    source_url TEXT NOT NULL,
    tags TEXT NOT NULL,
    text BLOB NOT NULL,
    file TEXT NOT NULL,
    created_ms INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE UNIQUE INDEX pipeline_versions_by_name ON pipeline_versions(pipeline, name);
  CREATE INDEX pipeline_versions_by_time ON pipeline_versions(pipeline, created_ms, id);

  -- Runs that their submitters put together. `id` is the first run, `run` the one that retried it last. Lists
  -- are ordered by time, with and without those that are archived, or by name.
  CREATE TABLE run_groups(
    id TEXT NOT NULL PRIMARY KEY,
    workspace TEXT NOT NULL,
    principal TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    archived INTEGER NOT NULL,
    created_ms INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE UNIQUE INDEX run_groups_by_name ON run_groups(workspace, name);
  CREATE INDEX run_groups_by_folded_name ON run_groups(workspace, lower(name), id);
  CREATE INDEX run_groups_by_time ON run_groups(workspace, created_ms, id);
  CREATE TABLE grouped_runs(
    id TEXT NOT NULL PRIMARY KEY,
    run TEXT NOT NULL,
    workspace TEXT NOT NULL,
    principal TEXT NOT NULL,
    in_group TEXT NOT NULL,
    display_name TEXT NOT NULL,
    description TEXT NOT NULL,
    service_account TEXT NOT NULL,
    pipeline TEXT NOT NULL,
    version TEXT NOT NULL,
    text BLOB NOT NULL,
    file TEXT NOT NULL,
    root TEXT NOT NULL,
    parameters TEXT NOT NULL,
    archived INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    cancelled_ms INTEGER,
    earlier TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE UNIQUE INDEX grouped_runs_by_run ON grouped_runs(run);
  CREATE INDEX grouped_runs_by_time ON grouped_runs(workspace, created_ms, id);
  CREATE INDEX grouped_runs_archived ON grouped_runs(workspace, archived, created_ms, id);
  CREATE INDEX grouped_runs_by_name ON grouped_runs(workspace, lower(display_name), id);
  CREATE INDEX grouped_runs_of_group ON grouped_runs(in_group, created_ms, id);
  CREATE INDEX grouped_runs_of_group_archived ON grouped_runs(in_group, archived, created_ms, id);
)sql",
                                                        R"sql(
  -- Versions of data sets. A row whose digest is null is of one that was removed: its number is not used again.
  CREATE TABLE datasets(
    workspace TEXT NOT NULL,
    name TEXT NOT NULL,
    number INTEGER NOT NULL,
    principal TEXT NOT NULL,
    kind TEXT NOT NULL,
    digest BLOB,
    size INTEGER NOT NULL,
    examples INTEGER NOT NULL,
    labels INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    PRIMARY KEY(workspace, name, number)
  ) STRICT, WITHOUT ROWID;
)sql"};

Result<int> version_of(Connection& connection) {
  SLUICE_TRY(text, connection.query_value("PRAGMA user_version"));
  const auto version = parse_integer<int>(text);
  SLUICE_CHECK(version);  // a field of 32 bits in the head of the file, whatever the file holds
  return *version;
}

Result<void> check_owner(Connection& connection, const std::filesystem::path& file, int version) {
  SLUICE_TRY(id, connection.query_value("PRAGMA application_id"));
  SLUICE_TRY(tables, connection.query_value("SELECT count(*) FROM sqlite_master"));
  if (id != application_id && (tables != "0" || version != 0))
    return Fail(user_error(
        Code::failed_precondition,
        file.string() + ": a database of another program, not a ledger of Sluice; use another data folder"));
  if (version > schema_version)
    return Fail(user_error(Code::failed_precondition,
                           file.string() + ": written by a newer Sluice (schema " + std::to_string(version) +
                               ", this one reads up to " + std::to_string(schema_version) +
                               "); use that version, or another data folder"));
  return {};
}

}  // namespace

Result<void> prepare_schema(Connection& connection, const std::filesystem::path& file) {
  SLUICE_TRY(found, version_of(connection));
  SLUICE_DO(check_owner(connection, file, found));
  // There is nothing yet that the journal of an empty file would bring back, and each of its syncs takes
  // time.
  SLUICE_TRY(pages, connection.query_value("PRAGMA page_count"));
  if (pages == "0") SLUICE_DO(connection.execute("PRAGMA journal_mode=MEMORY"));
  SLUICE_TRY(mode, connection.query_value("PRAGMA journal_mode=WAL"));
  if (mode != "wal")
    return Fail(environment_error(
        Code::failed_precondition,
        file.string() + ": its file system lacks what SQLite's WAL mode needs (shared memory); use "
                        "a data folder on a local disk"));
  SLUICE_DO(connection.execute("PRAGMA synchronous=FULL"));
  if (found < schema_version) {
    SLUICE_TRY(transaction, Transaction::begin(connection));
    SLUICE_TRY(now, version_of(connection));  // another process may have been faster
    for (int version = now; version < schema_version; ++version)
      SLUICE_DO(connection.execute(steps[static_cast<std::size_t>(version)]));
    SLUICE_DO(connection.execute(("PRAGMA application_id=" + std::string(application_id)).c_str()));
    SLUICE_DO(connection.execute(("PRAGMA user_version=" + std::to_string(schema_version)).c_str()));
    SLUICE_DO(transaction.commit());
  }
  return connection.execute("PRAGMA synchronous=NORMAL");
}

}  // namespace sluice::stores::sqlite
