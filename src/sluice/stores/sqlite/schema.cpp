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
